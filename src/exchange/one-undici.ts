/**
 * Keeps Node's bundled undici from being loaded beside ours; that costs a tenth of start-up. Node loads its copy on
 * first access to a global that it backs, and our undici touches `Headers` while it is imported. So the global is
 * deleted first, and `install()` in transport.ts puts ours in its place. For the same reason `node:http` comes from
 * `process.getBuiltinModule`: an import reads every export, getters included.
 */
Reflect.deleteProperty(globalThis, "Headers");
