"""What can break around every agent alike: the tools, and the folder where it keeps its notes."""

NO_TOOLS = ("env", "OCF_TESTER_FAIL_HAVE_BINARY=1", "PATH=/nowhere")
# Scripts, for a shell of the node that stops at a command that fails.
STATE_FOLDER = {
    "state folder lost": "rm -rf /run/hactl",
    "state folder read-only": """\
mkdir -p -m 0700 /run/hactl
mount --bind /run/hactl /run/hactl
mount -o remount,bind,ro /run/hactl""",
}
STATE_FOLDER_MENDED = {"state folder read-only": "umount /run/hactl"}
