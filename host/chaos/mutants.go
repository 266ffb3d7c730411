package main

import "context"

func catchMutants(ctx context.Context, opt options) error { return nil }
