/** Lists that are asked for page by page, the newest first: journal, audit trail. */

import { useInfiniteQuery } from "@tanstack/react-query";
import type { Procedure } from "../contract";
import { LinkLost, sentenceOf } from "../wamp/errors";
import type { Link } from "../wamp/link";
import { useScope } from "./asking";

export interface Pages<Page> {
  readonly pages: readonly Page[] | null; // null: not known yet
  readonly hasMore: boolean;
  readonly more: () => void;
  readonly isAsking: boolean;
  readonly problem: string | null;
  readonly isStale: boolean;
}

/**
 * Asks for the first page, and for another whenever `more` is called.
 *
 * `before` is where a page ends for the next to go on: null where there is no more.
 */
export function usePages<Request extends object, Page>(
  procedure: Procedure<Request, Page>,
  request: Request,
  before: (page: Page) => number | null,
  isWanted = true,
): Pages<Page> {
  const { link } = useScope();
  const query = useInfiniteQuery({
    queryKey: [procedure.uri, "pages", request],
    queryFn: ({ pageParam }) => {
      if (!link) throw new LinkLost();
      return link.call(procedure, pageParam === null ? request : { ...request, before: pageParam });
    },
    initialPageParam: null as number | null,
    getNextPageParam: before,
    enabled: link !== null && isWanted,
  });
  return {
    pages: query.data?.pages ?? null,
    hasMore: query.hasNextPage,
    more: () => void query.fetchNextPage(),
    isAsking: query.isFetching,
    problem: query.error ? sentenceOf(query.error) : null,
    isStale: link === null || query.error !== null,
  };
}

/** All pages, `mostPages` at most; whether there were more. */
export async function allPages<Request extends object, Page>(
  link: Link,
  procedure: Procedure<Request, Page>,
  request: Request,
  before: (page: Page) => number | null,
  mostPages: number,
): Promise<{ readonly pages: readonly Page[]; readonly isCut: boolean }> {
  const pages: Page[] = [];
  let at: number | null = null;
  for (let count = 0; count < mostPages; count += 1) {
    const page: Page = await link.call(
      procedure,
      at === null ? request : { ...request, before: at },
    );
    pages.push(page);
    at = before(page);
    if (at === null) return { pages, isCut: false };
  }
  return { pages, isCut: true };
}
