/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * A plugin for qemu's user mode that counts instructions: at the end it writes their number to standard error. Debian ships
 * neither qemu's own plugins nor their header, so what is used of version 1 of the interface is declared here.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

struct qemu_plugin_tb;
typedef uint64_t qemu_plugin_id;

enum { ADD_U64 }; /* of enum qemu_plugin_op */

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id id, void (*cb)(qemu_plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op, void *counter, uint64_t add);
void qemu_plugin_register_atexit_cb(qemu_plugin_id id, void (*cb)(qemu_plugin_id, void *), void *userdata);
int qemu_plugin_install(qemu_plugin_id id, const void *info, int argc, char **argv);

extern int qemu_plugin_version;
int qemu_plugin_version = 1;

static uint64_t count; /* one thread of the program is counted */

static void translated(qemu_plugin_id id, struct qemu_plugin_tb *tb)
{
        qemu_plugin_register_vcpu_tb_exec_inline(tb, ADD_U64, &count, qemu_plugin_tb_n_insns(tb));
}

static void ended(qemu_plugin_id id, void *userdata)
{
        fprintf(stderr, "instructions %" PRIu64 "\n", count);
}

int qemu_plugin_install(qemu_plugin_id id, const void *info, int argc, char **argv)
{
        qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
        qemu_plugin_register_atexit_cb(id, ended, NULL);
        return 0;
}
