// SPDX-License-Identifier: Apache-2.0

// The definitions of the Prometheus operator, which its module brings. It is a module of its own so that nothing of the
// operator reaches the module of the project; only the folder is read.
module github.com/ramendr/ramen-direct/tests/install/operator

go 1.26.0

require github.com/prometheus-operator/prometheus-operator v0.85.0

require (
	github.com/alecthomas/kingpin/v2 v2.4.0 // indirect
	github.com/alecthomas/units v0.0.0-20240927000941-0f3dac36c52b // indirect
	github.com/prometheus/common v0.65.0 // indirect
	github.com/xhit/go-str2duration/v2 v2.1.0 // indirect
)
