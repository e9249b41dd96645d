import { type FSWatcher, watch } from "node:fs";
import { codeOf, identityOf } from "./file-stats.ts";

/** Each takes one of the machine's inotify watches; what is beyond is only looked at from time to time. */
const MOST = 500;
const OUT_OF_WATCHES = new Set(["ENOSPC", "EMFILE"]);

export interface FolderWatch {
  /** Watches these folders and no others; call it again from time to time: a folder that was moved away is followed to its name. */
  follow(folders: Iterable<string>): Promise<void>;
  close(): void;
}

/**
 * Says that something has happened in a folder. Folders are watched and never files: a file that is replaced, as editors and
 * Kubernetes do, takes the watch on it away with it.
 */
export function watchFolders(on: {
  changed(folder: string): void;
  /** This folder is not watched, and why: an errno. */
  failed(folder: string, code: string): void;
}): FolderWatch {
  const watched = new Map<string, { readonly watcher: FSWatcher; readonly identity: string }>();
  const complained = new Set<string>();
  let closed = false;

  function drop(folder: string): void {
    watched.get(folder)?.watcher.close();
    watched.delete(folder);
  }

  function complain(folder: string, code: string): void {
    // What the machine has no more of is the same for all that follow.
    const what = OUT_OF_WATCHES.has(code) ? code : folder;
    if (complained.has(what)) return;
    complained.add(what);
    on.failed(folder, code);
  }

  function begin(folder: string, identity: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, () => on.changed(folder));
      watcher.on("error", () => drop(folder)); // the folder is gone; `follow` finds the next one
      watched.set(folder, { watcher, identity });
      complained.delete(folder);
    } catch (error) {
      complain(folder, codeOf(error));
    }
  }

  return {
    async follow(folders) {
      const wanted = [...new Set(folders)].slice(0, MOST);
      const identities = await Promise.all(wanted.map(identityOf));
      if (closed) return;
      for (const folder of watched.keys()) if (!wanted.includes(folder)) drop(folder);
      for (const [i, folder] of wanted.entries()) {
        const identity = identities[i];
        if (watched.get(folder)?.identity === identity && identity !== undefined) continue;
        drop(folder);
        if (identity !== undefined) begin(folder, identity);
      }
    },
    close() {
      closed = true;
      for (const folder of watched.keys()) drop(folder);
    },
  };
}
