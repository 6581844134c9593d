module demo/round-trip

go 1.24

require taskhost v0.0.0

replace taskhost => ../../../../guest-sdk/go
