/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "cli/text.h"

/* The pager of this process; pager_open() is called once, by main(). */
static pid_t pager_pid;

_Noreturn static void run_pager(int fd)
{
        const char *pager = getenv("PAGER");

        signal(SIGPIPE, SIG_DFL);
        dup2(fd, STDIN_FILENO);
        /* F: leave at once if all fits on the screen; R: colours; LESSSECURE: no shell from a pager run by sudo */
        setenv("LESS", "FRSXMK", 0);
        setenv("LESSSECURE", "1", 1);
        if (pager && *pager)
                execl("/bin/sh", "sh", "-c", pager, NULL);
        else {
                execlp("less", "less", NULL);
                execlp("more", "more", NULL);
        }
        execlp("cat", "cat", NULL);
        _exit(1);
}

void pager_open(struct ctl *c)
{
        const char *term = getenv("TERM"), *pager = getenv("PAGER");
        int fds[2];

        if (!c->pager || !isatty(STDOUT_FILENO) || !term || strcmp(term, "dumb") == 0 || (pager && !*pager))
                return;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return;
        fflush(stdout);
        pager_pid = fork();
        if (pager_pid == 0)
                run_pager(fds[0]);
        if (pager_pid > 0)
                dup2(fds[1], STDOUT_FILENO);
        close(fds[0]);
        close(fds[1]);
}

void pager_close(void)
{
        if (pager_pid <= 0)
                return;
        fflush(stdout);
        close(STDOUT_FILENO);
        while (waitpid(pager_pid, NULL, 0) < 0 && errno == EINTR)
                ;
        pager_pid = 0;
}
