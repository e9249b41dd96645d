/**
 * One undici instead of two. Node has a copy of its own, which is loaded when somebody looks at one of the globals it stands behind,
 * as undici itself does: a tenth of a start, for nothing. So the global goes before undici comes, which then puts its own there
 * (transport.ts). For the same reason `node:http` is not imported but asked for: its exports are looked at by an import.
 */
Reflect.deleteProperty(globalThis, "Headers");
