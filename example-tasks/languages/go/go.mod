module demo/visits

go 1.25

require taskhost v0.0.0

replace taskhost => ../../../guest-sdk/go
