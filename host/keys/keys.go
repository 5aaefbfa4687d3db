// Package keys keeps the secret keys of the roles: each with owner, purpose, lifetime and check value,
// wrapped at rest, readable by the roles it names.
package keys
