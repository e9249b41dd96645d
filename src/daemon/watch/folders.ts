import { type FSWatcher, watch } from "node:fs";
import { codeOf, identityOf } from "./file-stats.ts";

/** Each watch takes one of the machine's inotify watches. Folders beyond this are left to the poll. */
const MOST = 500;
const OUT_OF_WATCHES = new Set(["ENOSPC", "EMFILE"]);

export interface FolderWatch {
  /**
   * Watches these folders and no others. Call it once in a while: it also finds a folder that was moved away and made
   * again.
   */
  follow(folders: Iterable<string>): Promise<void>;
  close(): void;
}

/**
 * Reports events in folders. Folders are watched, never files: editors and Kubernetes replace a file, and the watch on
 * a file goes away with the file.
 */
export function watchFolders(on: {
  changed(folder: string): void;
  /**
   * This folder cannot be watched; `code` is the errno. Reported once for each folder, or once for all when watches run
   * out.
   */
  failed(folder: string, code: string): void;
}): FolderWatch {
  const watched = new Map<string, { readonly watcher: FSWatcher; readonly identity: string }>();
  const reported = new Set<string>();
  let closed = false;

  function unwatch(folder: string): void {
    watched.get(folder)?.watcher.close();
    watched.delete(folder);
  }

  function reportFailure(folder: string, code: string): void {
    // When the machine has no watches left, all following folders fail for the same reason.
    const subject = OUT_OF_WATCHES.has(code) ? code : folder;
    if (reported.has(subject)) return;
    reported.add(subject);
    on.failed(folder, code);
  }

  function watchFolder(folder: string, identity: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, () => on.changed(folder));
      watcher.on("error", () => unwatch(folder)); // the folder is gone; `follow` finds the next one
      watched.set(folder, { watcher, identity });
      reported.delete(folder);
    } catch (error) {
      reportFailure(folder, codeOf(error));
    }
  }

  return {
    async follow(folders) {
      const wanted = [...new Set(folders)].slice(0, MOST);
      const identities = await Promise.all(wanted.map(identityOf));
      if (closed) return;
      for (const folder of watched.keys()) if (!wanted.includes(folder)) unwatch(folder);
      for (const [i, folder] of wanted.entries()) {
        const identity = identities[i];
        if (watched.get(folder)?.identity === identity && identity !== undefined) continue;
        unwatch(folder);
        if (identity !== undefined) watchFolder(folder, identity);
      }
    },
    close() {
      closed = true;
      for (const folder of watched.keys()) unwatch(folder);
    },
  };
}
