/** The Python program that owns one pseudo-terminal, since Node can make none. File descriptor 3 carries the modem's
 *  bytes both ways. Standard input takes lines: `read` (send one piece of what the computer wrote, when there is any),
 *  `unplug`, `plug`; its end stops the program. Standard output answers {"path": …} after each start, plug and unplug.
 *  It keeps the slave side open itself, so that a computer may come and go. */
export const TERMINAL_PROGRAM = `
import json, os, pty, select, sys, tty

link, piece_bytes = sys.argv[1], int(sys.argv[2])
modem = 3
master = slave = -1
pending = b""
may_read = False
commands = b""

def plug():
    global master, slave
    if master >= 0:
        print(json.dumps({"path": link or os.ttyname(slave)}), flush=True)
        return
    master, slave = pty.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    path = os.ttyname(slave)
    if link:
        new = link + ".new"
        if os.path.lexists(new):
            os.unlink(new)
        os.symlink(path, new)
        os.rename(new, link)
    print(json.dumps({"path": link or path}), flush=True)

def unplug():
    global master, slave, pending
    if master >= 0:
        os.close(slave)
        os.close(master)
        master = slave = -1
        pending = b""
        if link and os.path.lexists(link):
            os.unlink(link)
    print(json.dumps({"path": None}), flush=True)

def obey(line):
    global may_read
    if line == b"read":
        may_read = True
    elif line == b"plug":
        plug()
    elif line == b"unplug":
        unplug()

plug()
while True:
    readers = [0]
    if not pending:
        readers.append(modem)
    if master >= 0 and may_read:
        readers.append(master)
    writers = [master] if master >= 0 and pending else []
    readable, writable, _ = select.select(readers, writers, [])
    if 0 in readable:
        got = os.read(0, 4096)
        if not got:
            break
        *lines, commands = (commands + got).split(b"\\n")
        for line in lines:
            obey(line)
        continue
    if modem in readable:
        pending = os.read(modem, 4096)
        if not pending:
            break
        if master < 0:
            pending = b""
    if master in writable and pending:
        pending = pending[os.write(master, pending):]
    if master in readable:
        got = os.read(master, piece_bytes)
        may_read = False
        while got:
            got = got[os.write(modem, got):]

if link and os.path.lexists(link):
    os.unlink(link)
`;
