/**
 * A program: takes the reports of first boots on the port that its argument names, and writes each as a line of JSON,
 * `{"path": ..., "body": ...}`, on standard output. `ready` is its first line.
 */
import { createServer } from "node:http";
import { text } from "node:stream/consumers";

const server = createServer((request, response) => {
  text(request)
    .then((body) => {
      response.end();
      process.stdout.write(`${JSON.stringify({ path: request.url, body })}\n`);
    })
    .catch(() => response.destroy());
});
server.listen(Number(process.argv[2]), () => process.stdout.write("ready\n"));
