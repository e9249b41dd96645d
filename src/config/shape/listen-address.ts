/** `http.listen` where the configuration does not set it. */
export const defaultListen = "127.0.0.1:9464";

/** `host:port`, `[::1]:port` or `:port`, whose empty host stands for all addresses; undefined for any other text. */
export function parseListen(text: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]*)):(\d{1,5})$/.exec(text);
  if (match === null || Number(match[3]) > 65_535) return undefined;
  return { host: match[1] ?? match[2] ?? "", port: Number(match[3]) };
}
