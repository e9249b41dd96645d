import { mkdir, readlink, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** A folder like the mount of a ConfigMap or Secret that a kubelet fills. */
export interface Mounted {
  readonly dir: string;
  path(name: string): string;
  /** Writes all files anew and swaps them in by one rename. */
  swap(files: Readonly<Record<string, string>>): Promise<void>;
}

/**
 * Works as the AtomicWriter of Kubernetes (pkg/volume/util/atomic_writer.go). The files are in a folder with a time
 * stamp, `..data` links to that folder, and the name of each file links to `..data/NAME`. An update makes a new
 * folder, renames a new link over `..data`, adds and removes links of names, and removes the old folder.
 */
export async function makeMounted(dir: string, files: Readonly<Record<string, string>>): Promise<Mounted> {
  let swaps = 0;
  let names: readonly string[] = [];
  await mkdir(dir, { recursive: true });

  async function swap(next: Readonly<Record<string, string>>): Promise<void> {
    swaps += 1;
    const stamped = `..2026_11_25_00_00_00.${String(swaps).padStart(10, "0")}`;
    await mkdir(join(dir, stamped));
    for (const [name, text] of Object.entries(next)) await writeFile(join(dir, stamped, name), text, { mode: 0o644 });
    const old = await readlink(join(dir, "..data")).catch(() => undefined);
    await symlink(stamped, join(dir, "..data_tmp"));
    await rename(join(dir, "..data_tmp"), join(dir, "..data"));
    for (const name of Object.keys(next)) {
      if (!names.includes(name)) await symlink(join("..data", name), join(dir, name));
    }
    for (const name of names) if (!(name in next)) await rm(join(dir, name));
    names = Object.keys(next);
    if (old !== undefined) await rm(join(dir, old), { recursive: true });
  }

  await swap(files);
  return { dir, path: (name) => join(dir, name), swap };
}
