module taskhost

go 1.24
