/** The one importer of the schema library. */
export * as z from "zod";
