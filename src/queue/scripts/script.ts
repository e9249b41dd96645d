type Value = string | number;

/** A value per name; for `...name` a list of any length, under `name`. */
type Named<Name extends string, V> = {
  readonly [N in Name as N extends `...${string}` ? never : N]: V;
} & { readonly [N in Name as N extends `...${infer Tail}` ? Tail : never]: readonly V[] };

export interface Script<Key extends string = string, Arg extends string = string> {
  /** Only the client of Redis knows it: Redis knows a script by its hash. */
  readonly name: string;
  /** The body behind the lines that unpack keys and arguments. */
  readonly lua: string;
  readonly keys: Order<Key>;
  readonly args: Order<Arg>;
}

/** In which order the values of a call are sent. */
interface Order<Name extends string> {
  readonly names: readonly string[];
  readonly tail: string | undefined;
  /** For the compiler alone: what a call must give. */
  readonly declared?: Name;
}

/** May hold more than the script declares, so that all keys of a provider can be given to each of its scripts. */
export interface Call<Key extends string, Arg extends string> {
  readonly keys: Named<Key, string>;
  readonly args: Named<Arg, Value>;
}

/**
 * A Lua script that declares its keys and arguments by name. In the body each name is a local variable; in a call it
 * is a property that must be there. A last name `...ids` takes a list of any length: the body has a table `ids`. In
 * Lua all values are strings, numbers too.
 */
export function script<const Key extends string, const Arg extends string>(
  name: string,
  declared: { readonly keys: readonly Key[]; readonly args: readonly Arg[] },
  body: string,
): Script<Key, Arg> {
  const keys = orderOf(declared.keys);
  const args = orderOf(declared.args);
  return { name, lua: `${unpacking(keys, "KEYS")}\n${unpacking(args, "ARGV")}\n${body}`, keys, args };
}

function orderOf<Name extends string>(declared: readonly Name[]): Order<Name> {
  const tail = declared.at(-1)?.startsWith("...") === true ? declared.at(-1)?.slice(3) : undefined;
  return { names: tail === undefined ? declared : declared.slice(0, -1), tail };
}

/** `local due, running, ids = KEYS[1], KEYS[2], {unpack(KEYS, 3)}` */
function unpacking({ names, tail }: Order<string>, from: "KEYS" | "ARGV"): string {
  if (names.length === 0 && tail === undefined) return "";
  const values = names.map((_, i) => `${from}[${i + 1}]`);
  if (tail === undefined) return `local ${names.join(", ")} = ${values.join(", ")}`;
  return `local ${[...names, tail].join(", ")} = ${[...values, `{unpack(${from}, ${names.length + 1})}`].join(", ")}`;
}

/** What Redis is sent behind the hash of the script: the number of keys, the keys, the arguments. */
export function argumentsOf<Key extends string, Arg extends string>(
  { keys, args }: Script<Key, Arg>,
  call: Call<Key, Arg>,
): Value[] {
  const all: Value[] = [0];
  append(all, keys, call.keys);
  all[0] = all.length - 1;
  append(all, args, call.args);
  return all;
}

type Values = Readonly<Record<string, Value | readonly Value[]>>;

function append(all: Value[], { names, tail }: Order<string>, values: Values): void {
  for (const name of names) all.push(values[name] as Value);
  if (tail !== undefined) for (const each of values[tail] as readonly Value[]) all.push(each);
}
