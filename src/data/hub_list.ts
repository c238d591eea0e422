// The list of a repository's files as a hub's server gives it, page by page; nothing in it is believed.
import { z } from "npm:zod@4.6.7";
import { type Answer, LIMITS, refused, request, WEB_PAGE, webAddress } from "./http.ts";
import { type Hub, REVISION } from "./hub_cache.ts";

const PAGE = z.array(z.object({ type: z.string(), path: z.string() }));

/** What a list may come to, all pages together; the hub has a thousand entries a page. */
const MOST_PAGES = 100;
const MOST_BYTES = 20e6;

/** A longer path is none that a cache could have. */
const LONGEST_PATH = 200;

/**
 * Every file of a repository, or undefined where the server has no list.
 *
 * @throws {Error} a list that is none, does not end, takes too long, or goes on at another server
 */
export async function listed(
  repository: string,
  { endpoint, limits = LIMITS }: Hub,
): Promise<string[] | undefined> {
  const paths: string[] = [];
  const deadline = performance.now() + limits.list;
  let bytes = 0;
  let url = `${endpoint}/api/datasets/${repository}/tree/${REVISION}?recursive=true`;
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    using answer = await request(url, { silence: limits.silence, deadline });
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw refused(url, `status ${answer.status}`, "a list of files");
    const page = await textOf(answer, url, MOST_BYTES - bytes);
    bytes += page.bytes;
    for (const { type, path } of entriesOf(page.text, url)) {
      if (type === "file" && path.length <= LONGEST_PATH) paths.push(path);
    }
    const next = nextOf(answer, url);
    if (next === undefined) return paths;
    url = next;
  }
  throw refused(url, `more than ${MOST_PAGES} pages`, "a list of files that ends");
}

function entriesOf(text: string, url: string): z.infer<typeof PAGE> {
  const expected = "a list of files";
  if (/^\s*</.test(text)) throw refused(url, WEB_PAGE, expected);
  const page = PAGE.safeParse(parsed(text));
  if (!page.success) throw refused(url, "something else", `${expected} as JSON`, page.error);
  return page.data;
}

/** The text of a page, of `most` bytes at most. */
async function textOf(
  { body }: Answer,
  url: string,
  most: number,
): Promise<{ text: string; bytes: number }> {
  const decoder = new TextDecoder();
  const parts: string[] = [];
  let bytes = 0;
  try {
    for await (const part of body) {
      bytes += part.length;
      if (bytes > most) break;
      parts.push(decoder.decode(part, { stream: true }));
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw refused(url, `${bytes} bytes of a list (${reason})`, "all of it", cause);
  }
  if (bytes > most) throw refused(url, `more than ${MOST_BYTES} bytes`, "a list of files");
  return { text: parts.join(""), bytes };
}

/** JSON, or nothing where it is none. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Where the list goes on: at the same server, or nowhere. */
function nextOf({ headers }: Answer, url: string): string | undefined {
  const [, address] = /<([^>]*)>; *rel="next"/.exec(headers.get("link") ?? "") ?? [];
  if (address === undefined) return undefined;
  const next = webAddress(address, url);
  if (next?.host === new URL(url).host) return next.href;
  throw refused(url, "a list that goes on elsewhere", "all of it from the same server");
}
