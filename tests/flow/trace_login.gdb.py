"""trace_login.gdb.py - run by gdb on a live worker: which source files a login passes through, and which of them allocate for it.

Prints `READY` when every function of src/ (but base/) is watched; stops at the sentinel, admin_views_domains().
Then one line `call FILE FUNCTION` for each function, in the order of their first calls, and one line
`state FILE` for each file that allocates.
"""
import os
import re

import gdb

SENTINEL = "admin_views_domains"
ALLOCATE = "memory_new"
BELOW = ("base/",)
visited, states = [], []


def place(path):
    """The path below src/, or None for what is not ours."""
    found = re.search(r"/src/([a-z]+/[a-z0-9_]+\.[ch])$", path or "")
    return found.group(1) if found else None


class Visit(gdb.Breakpoint):
    def __init__(self, where, file, function):
        super().__init__(where, internal=True)
        self.silent = True
        self.file, self.function = file, function

    def stop(self):
        if (self.file, self.function) not in visited:
            visited.append((self.file, self.function))
        self.enabled = False  # once is enough, and readers of bytes are called a thousand times
        return self.function == SENTINEL


class Allocation(gdb.Breakpoint):
    def __init__(self):
        super().__init__(ALLOCATE, internal=True)
        self.silent = True

    def stop(self):
        frame = gdb.selected_frame().older()
        table = frame.find_sal().symtab if frame else None
        file = place(table.fullname()) if table else None
        if file and not file.startswith(BELOW) and file not in states:
            states.append(file)
        return False


def functions():
    """(location, file, name) of every function of src/."""
    file = None
    for line in gdb.execute("info functions -n", to_string=True).splitlines():
        if line.startswith("File "):
            path = line[5:].rstrip(":")
            file = place(os.path.abspath(path) if os.path.isabs(path) else "/" + path.lstrip("./"))
        found = re.match(r"(\d+):\t.*?(\w+)\(", line)
        if file and found and not file.startswith(BELOW):
            yield f"{os.path.basename(file)}:{found.group(1)}", file, found.group(2)


gdb.execute("set pagination off")
gdb.execute("set confirm off")
gdb.execute("handle all nostop noprint pass", to_string=True)
for where, file, function in list(functions()):
    try:
        Visit(where, file, function)
    except gdb.error:
        pass  # inlined away
Allocation()
print("READY", flush=True)
gdb.execute("continue")
for file, function in visited:
    print("call", file, function)
for file in states:
    print("state", file)
gdb.execute("detach")
