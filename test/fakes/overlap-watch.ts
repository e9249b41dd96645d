import { type Behaviour, clientOf } from "./token-endpoint.ts";

/** Exchanges of each client as the provider sees them. */
export interface OverlapWatch {
  /** What the token endpoint must do with every request. */
  readonly behaviour: Behaviour;
  /** Exchanges that began while another one of the same client was under way. */
  readonly overlaps: number;
  /** Exchanges of each client so far. */
  readonly exchanges: ReadonlyMap<string, number>;
}

/**
 * Answers every exchange after `durationMs`, by what `answerOf` returns when the exchange begins. An exchange also
 * ends with its connection, as when its daemon is killed.
 */
export function watchOverlaps(durationMs: number, answerOf: () => Behaviour): OverlapWatch {
  const underWay = new Map<string, number>();
  const exchanges = new Map<string, number>();
  let overlaps = 0;
  return {
    behaviour(seen, response, socket) {
      const client = clientOf(seen);
      const answer = answerOf();
      const others = underWay.get(client) ?? 0;
      if (others > 0) overlaps += 1;
      underWay.set(client, others + 1);
      exchanges.set(client, (exchanges.get(client) ?? 0) + 1);
      const end = (): void => void underWay.set(client, (underWay.get(client) ?? 1) - 1);
      socket.once("close", end);
      setTimeout(() => {
        if (socket.destroyed) return;
        socket.off("close", end);
        end();
        answer(seen, response, socket);
      }, durationMs);
    },
    get overlaps() {
      return overlaps;
    },
    exchanges,
  };
}
