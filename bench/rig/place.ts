/** Two namespaces joined by a cable: the server's side on core 0, the load's on core 1. */
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { addCleanup } from "../../lab/cleanup.ts";
import { connect, Namespace, namespaceObstacle } from "../../lab/netns.ts";
import { EverbootError } from "../../src/base/errors.ts";
import type { Place, Side } from "./types.ts";

const SERVER = { name: "bs", device: "eth0", address: "10.98.0.1", core: 0 } as const;
const LOAD = { name: "bl", device: "eth0", address: "10.98.0.2", core: 1 } as const;

/** Rejects with `lab-broken` where there is one core only, or namespaces cannot be made. */
export async function openPlace(name: string): Promise<Place & AsyncDisposable> {
  const obstacle = namespaceObstacle() ?? (availableParallelism() < 2 ? "a bench needs two cores" : undefined);
  if (obstacle !== undefined) throw new EverbootError("lab-broken", { reason: obstacle });
  const folder = mkdtempSync(join(tmpdir(), `everboot-bench-${name}-`));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const forget = addCleanup(remove);
  const [server, load] = [await Namespace.create(SERVER.name), await Namespace.create(LOAD.name)];
  await connect(server, SERVER.device, load, LOAD.device);
  await server.ip(`addr add ${SERVER.address}/24 dev ${SERVER.device}`);
  await load.ip(`addr add ${LOAD.address}/24 dev ${LOAD.device}`);
  return {
    ...{ server: side(server, SERVER), load: side(load, LOAD), folder },
    async [Symbol.asyncDispose]() {
      await server.remove();
      await load.remove();
      remove();
      forget();
    },
  };
}

function side(space: Namespace, { device, address, core }: Pick<Side, "device" | "address" | "core">): Side {
  const pinned = (program: string, args: readonly string[]) => ["-c", String(core), program, ...args];
  return {
    ...{ space: space.name, device, address, core },
    spawn: (program, args, options) => space.spawn("taskset", pinned(program, args), options),
    exec: (program, args, timeoutMs) => space.exec("taskset", pinned(program, args), timeoutMs),
    ip: (words) => space.ip(words),
  };
}
