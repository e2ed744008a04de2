//go:build tools

// SPDX-License-Identifier: Apache-2.0

// Package peers pins the tools by go.mod and go.sum; nothing of it is compiled
// into enclavebuild.
package peers

import (
	_ "github.com/google/go-containerregistry/cmd/crane"
	_ "oras.land/oras/cmd/oras"
)
