import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { fetchAsIpxe, fetchAsWget } from "../../../lab/simulate/http.ts";

const PROGRAMS = {
  wget: (url: string, signal: AbortSignal) => fetchAsWget(url, { signal }),
  iPXE: (url: string, signal: AbortSignal) => fetchAsIpxe(url, 5000, { signal }),
};

for (const [name, fetch] of Object.entries(PROGRAMS)) {
  test(`a simulated ${name} asks again when the server is not well, and does not take that for the file`, async (t) => {
    let asked = 0;
    const server = createServer((_request, response) => {
      asked += 1;
      if (asked === 1) response.writeHead(503, { "retry-after": "1" }).end("not now");
      else response.end("the file");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    assert.equal((await fetch(`http://127.0.0.1:${port}/`, AbortSignal.timeout(30_000))).toString(), "the file");
    assert.equal(asked, 2);
  });
}
