// Package controllers stands in for a module that the public module proxy does not serve.
// Cilium uses this one constant of it, for multi-cluster Services, which the rig does not run.
package controllers

// DerivedServiceAnnotation marks a Service that was derived from a ServiceImport.
const DerivedServiceAnnotation = "multicluster.kubernetes.io/derived-service"
