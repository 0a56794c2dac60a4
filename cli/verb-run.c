/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "cli/reactions.h"
#include "cli/text.h"

static volatile sig_atomic_t child; /* whom a signal is passed on to */

static void pass_on(int number)
{
        if (child > 0)
                kill((pid_t)child, number);
}

/* The child's exit status as a shell tells it. */
static int wait_for_child(pid_t pid)
{
        int status;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return CTL_FAILED;
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run_child(char **argv)
{
        struct sigaction pass = { .sa_handler = pass_on };
        pid_t pid;

        fflush(NULL);
        pid = fork();
        if (pid < 0) {
                ctl_say("%s cannot be started: %s.", argv[0], strerror(errno));
                return CTL_FAILED;
        }
        if (pid == 0) {
                signal(SIGPIPE, SIG_DFL);
                execvp(argv[0], argv);
                ctl_say("%s cannot be started: %s.", argv[0], strerror(errno));
                _exit(errno == ENOENT ? 127 : 126);
        }
        child = pid;
        sigaction(SIGTERM, &pass, NULL);
        sigaction(SIGHUP, &pass, NULL);
        signal(SIGINT, SIG_IGN); /* the terminal sends it to the child as well */
        return wait_for_child(pid);
}

int verb_run(struct ctl *c, int argc, char **argv)
{
        _cleanup_(freep) char *play = NULL;
        int status;

        if (c->n_contents != 1) {
                ctl_say("run: which content? Usage: emotionctl run --content=ID -- COMMAND [ARGUMENT...]");
                return CTL_FAILED;
        }
        if (reactions_begin(c, c->contents[0], false, &play))
                ctl_say("%s runs without being recorded.", argv[0]);
        status = run_child(argv);
        if (play)
                (void)reactions_end(c, play, NULL, NULL);
        return status;
}
