/**
 * The base class of every error that evertoken itself throws. Its message is composed in this code from allow-listed
 * facts, so it is safe to show and to log. The message of any other error may quote a secret.
 */
export abstract class OwnError extends Error {}
