/** A request that brought no answer: what the server said of it, or that nobody answered. */

import type { InvalidParameter, Problem } from '../../client';

/** The members that some problems have besides those of all. */
type AnyProblem = Partial<Problem> & {
  winErrorName?: string;
  winErrorHex?: string;
  errors?: InvalidParameter[];
};

/** A problem that the server sent, or a connection that failed. */
export class Rejection extends Error {
  override readonly name = 'Rejection';

  constructor(
    /** The HTTP status; 0 if nobody answered. */
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    /** The scope that the credential lacks. */
    readonly scope?: string,
    /** Seconds after which the server asks to try again. */
    readonly retryAfter?: number,
  ) {
    super(title);
  }

  /** Whether trying again may help without any change by the user. */
  get isTemporary(): boolean {
    return [0, 408, 410, 429, 502, 503, 504].includes(this.status);
  }

  /** Whether the caller must sign in, perhaps again. */
  get isUnauthenticated(): boolean {
    return this.status === 401;
  }
}

/** Read a response that is not a success. */
export async function rejectionOf(response: Response): Promise<Rejection> {
  let problem: AnyProblem = {};
  try {
    problem = (await response.json()) as AnyProblem;
  } catch {
    // Not of this server, but of a proxy: the status must do.
  }
  const error = problem.winErrorName ?? problem.winErrorHex;
  const reasons = problem.errors?.map(({ parameter, reason }) => `${parameter}: ${reason}`);
  const detail = reasons?.join('\n') ?? problem.detail ?? '';
  return new Rejection(
    response.status,
    problem.code ?? `http_${String(response.status)}`,
    problem.title ?? `The server answered with status ${String(response.status)}`,
    error === undefined ? detail : `${detail} (${error})`,
    /\bscope="([^"]+)"/.exec(response.headers.get('www-authenticate') ?? '')?.[1],
    seconds(response.headers.get('retry-after')),
  );
}

/** Return what a request threw as a rejection. */
export function asRejection(error: unknown): Rejection {
  if (error instanceof Rejection) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new Rejection(0, 'no_answer', 'The server does not answer', detail);
}

function seconds(field: string | null): number | undefined {
  const value = Number(field ?? Number.NaN);
  return Number.isFinite(value) ? value : undefined;
}
