#!/usr/bin/env python3
"""A web server for tests of downloads, that serves a folder's files with a fault: weights_server.py FOLDER LOG

Its port is the first line it prints. Each request becomes a line of LOG: the path, and its Range header or "whole".
The first part of the path is the fault:
    sound        none; also Range and If-Range
    breaks       sends 4000 bytes of what is asked for, then hangs up
    no_ranges    the same the first time, then serves the whole whatever Range says
    changes      the same, but it is another file at each request
    claims_more  says twice the length, then hangs up
    claims_less  says half the length
    wrong        other bytes of the same length
    absent       404
    busy         503 the first time
    hangs        says nothing for a minute
    moved        a redirection to sound
    lies         206 for a part that nobody asked for
"""
import collections
import hashlib
import http.server
import pathlib
import re
import sys
import time

folder, log = map(pathlib.Path, sys.argv[1:3])
seen = collections.Counter()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        _, fault, name = self.path.split("/", 2)
        asked = self.headers.get("Range", "whole")
        with log.open("a") as lines:
            lines.write(f"{self.path} {asked}\n")
        seen[self.path] += 1
        self.close_connection = True
        if fault == "hangs":
            return time.sleep(60)
        if fault == "absent" or fault == "busy" and seen[self.path] == 1:
            return self.answer(404 if fault == "absent" else 503, b"no")
        if fault == "moved":
            return self.answer(302, b"", Location=f"/sound/{name}")
        content = (folder / name).read_bytes()
        if fault == "wrong":
            content = bytes(255 - byte for byte in content)
        if fault == "changes":
            content = bytes(byte ^ seen[self.path] for byte in content)
        self.serve(fault, content, asked)

    def serve(self, fault, content, asked):
        tag = '"' + hashlib.sha1(content).hexdigest() + '"'
        begin, status, headers = 0, 200, {"ETag": tag}
        part = re.fullmatch(r"bytes=(\d+)-", asked)
        if fault == "lies":
            return self.answer(206, content[10:], **headers, **{"Content-Range": f"bytes 10-{len(content) - 1}/{len(content)}"})
        if part and fault != "no_ranges" and self.headers.get("If-Range") == tag:
            begin, status = int(part[1]), 206
            if begin >= len(content):
                return self.answer(416, b"")
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        rest = content[begin:]
        length = {"claims_more": 2 * len(rest), "claims_less": len(rest) // 2}.get(fault, len(rest))
        breaks = fault in ("breaks", "changes") or fault == "no_ranges" and seen[self.path] == 1
        self.answer(status, rest[:4000] if breaks else rest, length, **headers)

    def answer(self, status, content, length=None, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        try:
            self.wfile.write(content)
        except OSError:
            pass  # whoever asked has had enough


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
