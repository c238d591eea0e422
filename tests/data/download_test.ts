// Downloads: whole or not at all under the final name, whatever happens in between.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { download, inspect, type Remote } from "../../src/data/download.ts";
import { inTemporary, namesIn } from "../support/temporary.ts";
import { type HubKind, type HubServer, serveHub } from "./hub_server.ts";
import { parquetOf, smallSplit } from "./parquet_files.ts";

const FILE = "datasets/o/n/resolve/main/data/train-00000-of-00001.parquet";
const BYTES = parquetOf(smallSplit(40));

/** Runs `body` with a server that has one file, and a path to download it to. */
async function withServer(
  kind: HubKind,
  body: (hub: HubServer, path: string, dir: string) => Promise<void>,
  bytes = BYTES,
): Promise<void> {
  await inTemporary(async (dir) => {
    await using hub = serveHub(kind, { [FILE]: bytes });
    await body(hub, `${dir}/a.parquet`, dir);
  });
}

async function remoteOf({ endpoint }: HubServer): Promise<Remote> {
  return (await inspect(`${endpoint}/${FILE}`))!;
}

async function expectFile(path: string, expected = BYTES): Promise<void> {
  assert.ok(Buffer.from(await Deno.readFile(path)).equals(expected), `${path} is not as served`);
}

for (const kind of ["static", "hub"] as const) {
  Deno.test(`download fetches a file from a ${kind} server and leaves nothing else`, async () => {
    await withServer(kind, async (hub, path, dir) => {
      await download(await remoteOf(hub), path);
      await expectFile(path);
      assert.deepEqual(await namesIn(dir), ["a.parquet"]);
    });
  });

  Deno.test(`download goes on where a broken connection left off (${kind})`, async () => {
    await withServer(kind, async (hub, path, dir) => {
      hub.breakAfter = 1000;
      const remote = await remoteOf(hub);
      await assert.rejects(download(remote, path), (error: Error) => {
        const start = `Cannot download ${hub.endpoint}/${FILE}: got 1000 of ${BYTES.length} bytes`;
        assert.ok(error.message.startsWith(start), error.message);
        return /expected all; load the data set again to go on/.test(error.message);
      });
      const [part] = await namesIn(dir);
      assert.match(part!, /^a\.parquet\.\w+\.part$/);
      assert.equal((await Deno.stat(`${dir}/${part}`)).size, 1000);
      hub.breakAfter = undefined;
      await download(await remoteOf(hub), path);
      await expectFile(path);
      assert.ok(hub.log.at(-1)!.endsWith(" from 1000"), hub.log.at(-1));
      assert.deepEqual(await namesIn(dir), ["a.parquet"]);
    });
  });

  Deno.test(`download starts again when a ${kind} server has no ranges`, async () => {
    await withServer(kind, async (hub, path) => {
      hub.breakAfter = 1000;
      await assert.rejects(download(await remoteOf(hub), path));
      Object.assign(hub, { breakAfter: undefined, ranges: false });
      await download(await remoteOf(hub), path);
      await expectFile(path);
    });
  });

  Deno.test(`download never mixes two versions of a file (${kind})`, async () => {
    const files = { [FILE]: parquetOf(smallSplit(39)) };
    await inTemporary(async (dir) => {
      await using hub = serveHub(kind, files);
      hub.breakAfter = 1000;
      await assert.rejects(download(await remoteOf(hub), `${dir}/a.parquet`));
      hub.breakAfter = undefined;
      files[FILE] = BYTES;
      await download(await remoteOf(hub), `${dir}/a.parquet`);
      await expectFile(`${dir}/a.parquet`);
    });
  });

  Deno.test(`download throws away a file of another size than a ${kind} server said`, async () => {
    await withServer(kind, async (hub, path, dir) => {
      const remote = { ...await remoteOf(hub), size: BYTES.length - 7 };
      await assert.rejects(download(remote, path), {
        message: `Cannot download ${hub.endpoint}/${FILE}: got ${BYTES.length} bytes, expected ` +
          `${BYTES.length - 7}; it was thrown away, load the data set again`,
      });
      assert.deepEqual(await namesIn(dir), []);
    });
  });
}

Deno.test("download throws away a file of another SHA-256 than the hub said", async () => {
  await withServer("hub", async (hub, path, dir) => {
    hub.claim = { sha256: "0".repeat(64) };
    await assert.rejects(download(await remoteOf(hub), path), {
      message: /got SHA-256 [0-9a-f]{64}, expected 0{64}; it was thrown away/,
    });
    assert.deepEqual(await namesIn(dir), []);
  });
});

Deno.test("download throws away what is no parquet file", async () => {
  const page = new TextEncoder().encode("<html>Log in</html>");
  await withServer("static", async (hub, path, dir) => {
    await assert.rejects(download(await remoteOf(hub), path), {
      message: /got a web page, as networks send that want a log-in first, expected a parquet file/,
    });
    assert.deepEqual(await namesIn(dir), []);
  }, page);
  await withServer("static", async (hub, path) => {
    await assert.rejects(download(await remoteOf(hub), path), {
      message:
        /got bytes that start with "PK\\u0003\\u0004" and end with "\.\.\.\.", expected "PAR1" /,
    });
  }, new TextEncoder().encode("PK\x03\x04...."));
  await withServer("static", async (hub, path) => {
    await assert.rejects(download(await remoteOf(hub), path), { message: /start with ""/ });
  }, new Uint8Array());
});

Deno.test("two downloads of one file at once: one of them does it", async () => {
  await withServer("hub", async (hub, path, dir) => {
    const remote = await remoteOf(hub);
    await Promise.all([download(remote, path), download(remote, path)]);
    await expectFile(path);
    assert.deepEqual(await namesIn(dir), ["a.parquet"]);
  });
});

Deno.test("inspect says what the server does not have, and what it answers otherwise", async () => {
  await withServer("static", async ({ endpoint }) => {
    assert.equal(await inspect(`${endpoint}/nothing`), undefined);
  });
  const codes: Record<string, number> = { "/login": 403, "/loop": 302 };
  const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
  const server = Deno.serve(options, ({ url }) => {
    const { pathname } = new URL(url);
    return new Response(null, { status: codes[pathname]!, headers: { location: pathname } });
  });
  const endpoint = `http://127.0.0.1:${server.addr.port}`;
  await assert.rejects(inspect(`${endpoint}/login`), {
    message: `Cannot download ${endpoint}/login: got status 403, expected 200; check the name, ` +
      `the network and HF_ENDPOINT`,
  });
  await assert.rejects(inspect(`${endpoint}/loop`), { message: /got more than 5 redirections/ });
  await server.shutdown();
  await assert.rejects(inspect(`${endpoint}/gone`), {
    message: /^Cannot download .*\/gone: got no answer \(.+\), expected a connection; check/,
  });
});
