// Package strictyaml reads a YAML file into a small tree of its own and keeps
// every mistake with its place, so that a person sees all of them at once. It
// says what YAML leaves open: keys are unique, numbers are plain, aliases are
// few. Package registry reads events.yaml with it, settings host.yaml.
package strictyaml
