module my/{{name}}

go 1.24

require taskhost v0.0.0

replace taskhost => ./sdk
