// Package conformance stands in, empty, for a test-only module that the public module proxy does not serve.
package conformance
