// loadHub against servers that lie, hang, never end or lead elsewhere: each ends in a sentence, in time.
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { loadHub } from "../../src/data/hub.ts";
import { listed } from "../../src/data/hub_list.ts";
import type { Limits } from "../../src/data/http.ts";
import { chooseShards } from "../../src/data/shards.ts";
import { inTemporary } from "../support/temporary.ts";
import {
  answer,
  type Behaviour,
  drip,
  OPEN_ENDED,
  type Reply,
  serveHostile,
  silence,
} from "./hostile_server.ts";
import { parquetOf, smallSplit } from "./parquet_files.ts";

const LIMITS: Limits = { silence: 300, list: 500, file: 500, bytes: 1e6 };
/** No behaviour keeps a load for longer: a list, two files that are asked about, one that is fetched. */
const LONGEST = 4000;

const SECRET = "a line of a file on this machine";
const PATHS = ["train", "test"].map((split) => `data/${split}-00000-of-00001.parquet`);
const BYTES = parquetOf(smallSplit(12));

/** What a server does in place of an honest answer, where it does. */
interface Hostile {
  readonly list?: (page: string, endpoint: string) => Reply;
  readonly head?: Reply;
  readonly get?: Reply;
}

function behaviourOf({ list, head, get }: Hostile): (endpoint: string) => Behaviour {
  return (endpoint) => (method, path) => {
    if (path.startsWith("/api/")) return list?.(path, endpoint) ?? listOf(PATHS);
    return method === "HEAD"
      ? head ?? answer("", { "content-length": BYTES.length, etag: '"1"' })
      : get ?? answer(BYTES);
  };
}

/** A page of a list with these files. */
function listOf(paths: readonly unknown[], headers: Record<string, string> = {}): Reply {
  return answer(JSON.stringify(paths.map((path) => ({ type: "file", path }))), headers);
}

/** A list that goes on at `address`. */
function goesOn(address: string): Reply {
  return listOf([], { link: `<${address}>; rel="next"` });
}

const PORTAL = "<!DOCTYPE html><html><body>Please log in</body></html>";
const NO_LIST = /got something else, expected a list of files as JSON/;
const PAGE = /got a web page, as networks send that want a log-in first, expected/;
const ELSEWHERE = /got a redirection to something else, expected one to an address of http or ht/;
const NOTHING_CAME = /nothing came for 0\.3 s/;
const TOO_LONG = /it took too long in all/;
const redirect = (location: string) => answer("", { location }, 302);
const BOMB = gzipSync(new Uint8Array(30e6));
const gzip = { "content-encoding": "gzip" };

/** What each server does, and what is said. */
const BEHAVIOURS: Record<string, [Hostile | ((secret: string) => Hostile), RegExp]> = {
  "the list never comes": [{ list: () => silence("") }, NOTHING_CAME],
  "the list's connection is closed": [{ list: () => "" }, /got no answer/],
  "the list is no HTTP": [{ list: () => "SSH-2.0-OpenSSH_9.2\r\n" }, /got no answer/],
  "the list's headers never end": [
    { list: () => drip("HTTP/1.1 200 OK\r\n", "a: b\r\n", 30) },
    /nothing/,
  ],
  "the list stops in the middle": [{ list: () => silence(`${OPEN_ENDED}[{"type"`) }, NOTHING_CAME],
  "the list comes a byte at a time": [{ list: () => drip(OPEN_ENDED, " ", 30) }, TOO_LONG],
  "the list never ends": [
    { list: () => drip(OPEN_ENDED, " ".repeat(1e6), 0) },
    /got more than 20000000 bytes, expected a list of files|it took too long in all/,
  ],
  "the list grows when it is unpacked": [
    { list: () => answer(BOMB, gzip) },
    /got more than 20000000 bytes|it took too long in all/,
  ],
  "the list's connection breaks": [
    { list: () => answer("[]", { "content-length": 99 }) },
    /got 2 bytes of a list \(/,
  ],
  "the list has status 500": [
    { list: () => answer("", {}, 500) },
    /got status 500, expected a list/,
  ],
  "the list has status 403": [
    { list: () => answer("", {}, 403) },
    /got status 403, expected a list/,
  ],
  "the list has status 204": [
    { list: () => answer("", {}, 204) },
    /got status 204, expected a list/,
  ],
  "the list is empty text": [{ list: () => answer("") }, NO_LIST],
  "the list is cut off": [{ list: () => answer('[{"type": "file", "pa') }, NO_LIST],
  "the list is an object": [{ list: () => answer('{"error": "\u001b[2J"}') }, NO_LIST],
  "the list is null": [{ list: () => answer("null") }, NO_LIST],
  "the list has numbers for paths": [{ list: () => listOf([1, 2]) }, NO_LIST],
  "the list is a hundred thousand brackets": [{ list: () => answer("[".repeat(1e5)) }, NO_LIST],
  "the list is not UTF-8": [{ list: () => answer(Uint8Array.of(0x5b, 0xff, 0xfe)) }, NO_LIST],
  "the list is a log-in page": [{ list: () => answer(PORTAL) }, PAGE],
  "the list leads to a log-in page": [
    { list: (path) => path === "/api/login" ? answer(PORTAL) : redirect("/api/login") },
    PAGE,
  ],
  "the list leads in a circle": [
    { list: (path) => redirect(path) },
    /got more than 5 redirections/,
  ],
  "the list leads to a file": [(file) => ({ list: () => redirect(`file://${file}`) }), ELSEWHERE],
  "the list goes on in a file": [
    (file) => ({ list: () => goesOn(`file://${file}`) }),
    /got a list that goes on elsewhere, expected all of it from the same server/,
  ],
  "the list goes on at another server": [
    { list: () => goesOn("http://127.0.0.1:9/next") },
    /got a list that goes on elsewhere/,
  ],
  "the list goes on in its own address": [
    { list: () => goesOn("data:application/json,[]") },
    /got a list that goes on elsewhere/,
  ],
  "the list goes on nowhere": [
    { list: () => goesOn("http://[") },
    /got a list that goes on elsewh/,
  ],
  "the list goes on for ever": [
    { list: (path, endpoint) => goesOn(`${endpoint}${path}&`) },
    /got more than 100 pages, expected a list of files that ends|it took too long in all/,
  ],
  "the list has paths that leave the cache": [
    {
      list: () =>
        listOf(PATHS.flatMap((path) => [`../../${path}`, `/etc/${path}`, `a\u001b/${path}`])),
    },
    /got no parquet files, expected one folder/,
  ],
  "the list has more files than there can be": [
    {
      list: () => listOf([...PATHS, "data/train-00000-of-99999.parquet", "data/x-9-of-1.parquet"]),
      head: answer("", {}, 404),
    },
    /got status 404, expected 200/,
  ],
  "a file is never told of": [{ head: silence("") }, NOTHING_CAME],
  "a file's size is no number": [
    {
      head: answer("", {
        "content-length": 9,
        "x-linked-etag": "1",
        "x-linked-size": "-\u009b31m",
      }),
    },
    /got a size of "-Â\\u009b31m", expected a number of bytes/,
  ],
  "a file's size is a petabyte": [
    { head: answer("", { "content-length": 1e14 }) },
    /got 1\.00e\+5 GB in all, expected at most 0\.00100 GB/,
  ],
  "a file leads to a file here": [(file) => ({ head: redirect(`file://${file}`) }), ELSEWHERE],
  "a file is a log-in page": [
    { head: answer("", { "content-type": "text/html; charset=utf-8" }) },
    PAGE,
  ],
  "a file stops in the middle": [
    { get: silence(`HTTP/1.1 200 OK\r\ncontent-length: ${BYTES.length}\r\n\r\nPAR1`) },
    /got 4 of \d+ bytes \(nothing came for 0\.3 s\), expected all; load the data set again to/,
  ],
  "a file comes a byte at a time": [{ get: drip(OPEN_ENDED, "P", 30) }, TOO_LONG],
  "a file is longer than was said": [
    { get: drip(OPEN_ENDED, "P".repeat(1e5), 0) },
    /it was thrown away|it took too long in all/,
  ],
  "a file of no known size never ends": [
    {
      head: "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n",
      get: drip(OPEN_ENDED, "P".repeat(1e5), 0),
    },
    /bytes or more, expected at most 1000000; it was thrown away|it took too long in all/,
  ],
  "a file grows when it is unpacked": [
    { get: answer(BOMB, gzip) },
    /it was thrown away|it took too long in all/,
  ],
  "a file is another than was said": [
    { head: answer("", { "x-linked-etag": `"${"0".repeat(64)}"`, "x-linked-size": BYTES.length }) },
    /got SHA-256 [0-9a-f]{64}, expected 0{64}; it was thrown away/,
  ],
  "a file is a log-in page when it is fetched": [
    { head: answer("", { etag: '"1"', "content-length": PORTAL.length }), get: answer(PORTAL) },
    PAGE,
  ],
  "a file's middle is another": [
    { get: answer(BYTES, { "content-range": "bytes 7-9/12" }, 206) },
    /got another range, expected bytes from 0/,
  ],
};

for (const [what, [hostile, message]] of Object.entries(BEHAVIOURS)) {
  Deno.test(`loadHub ends in a sentence where ${what}`, async () => {
    await inTemporary(async (dir) => {
      await Deno.writeTextFile(`${dir}/secret`, SECRET);
      const does = typeof hostile === "function" ? hostile(`${dir}/secret`) : hostile;
      await using server = serveHostile(behaviourOf(does));
      const hub = { endpoint: server.endpoint, cache: `${dir}/hub`, limits: LIMITS };
      const start = performance.now();
      const place = { repository: "owner/name" };
      await assert.rejects(loadHub("hf:owner/name", place, {}, hub, () => {}), (error: Error) => {
        assert.match(error.message, message);
        assert.match(error.message, /^Cannot (download|load) /);
        assert.doesNotMatch(error.message, /\p{Cc}/u);
        return !error.message.includes(SECRET.slice(0, 6));
      });
      assert.ok(performance.now() - start < LONGEST, `${performance.now() - start} ms`);
    });
  });
}

Deno.test("a list of large pages ends with the bytes of all of them", async () => {
  const paths = Array.from({ length: 15_000 }, (_, i) => `${i}`.padStart(190, "a"));
  let asked = 0;
  await using server = serveHostile((endpoint) => {
    const page = listOf(paths, { link: `<${endpoint}/api/next>; rel="next"` }); // more than 3 MB
    return () => (asked++, page);
  });
  await assert.rejects(listed("owner/name", { endpoint: server.endpoint, cache: "" }), {
    message: /got more than 20000000 bytes, expected a list of files/,
  });
  assert.equal(asked, 7);
});

Deno.test("chooseShards takes no time or memory by what file names claim", () => {
  const names = (of: string) =>
    Array.from(
      { length: 20_000 },
      (_, i) => `f${of === "1" ? 0 : i}/train-${`${i}`.padStart(5, "0")}-of-99999.parquet`,
    );
  const start = performance.now();
  const many = chooseShards(
    [...names("99999"), ...names("1"), "f0/test-00000-of-00001.parquet"],
    "it",
  );
  assert.ok(many instanceof RangeError);
  assert.match(many.message, /got f0 in 99999 files, expected at most 1000; choose another set/);
  const nothing = chooseShards(names("99999"), "it") as Error;
  assert.ok(nothing.message.length < 400, nothing.message);
  assert.ok(performance.now() - start < 2000);
});
