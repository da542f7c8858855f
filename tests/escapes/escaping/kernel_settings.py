# /// attack
# tries = "writes settings of the kernel that run a program as root on the machine: core_pattern, modprobe, sysrq, binfmt, oom scores below its own"
# held = "read-only"
# exit = ["completed"]
# points = 5
# says = ["held: /proc/sys/kernel/core_pattern"]
# ///
# %%
for path in (
    "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/hotplug", "/proc/sys/kernel/hostname", "/proc/sys/kernel/poweroff_cmd",
    "/proc/sys/vm/overcommit_memory", "/proc/sys/vm/drop_caches", "/proc/sys/fs/binfmt_misc/register", "/proc/sys/net/ipv4/ip_forward",
    "/proc/sysrq-trigger", "/proc/irq/default_smp_affinity", "/proc/mtrr", "/proc/timer_list", "/sys/kernel/uevent_helper", "/sys/power/state",
    "/sys/fs/cgroup/memory/release_agent", "/sys/fs/cgroup/cgroup.procs", "/sys/kernel/security/apparmor/.replace",
):  # fmt: skip
    attempt(path, lambda: os.close(os.open(path, os.O_WRONLY)) or "opened")
attempt("oom score", lambda: open("/proc/self/oom_score_adj", "w").write("-1000"))
attempt("niceness", lambda: os.nice(-5))
attempt("real time", lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10)))
import resource

attempt("limits", lambda: resource.setrlimit(resource.RLIMIT_NPROC, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)))
