std = "lua51+lua52+lua53+lua54+luajit"
max_line_length = 140
exclude_files = { "build", "tests/clients/node_modules" }
files["spec"] = { std = "+busted", max_line_length = 180 } -- a case is a row
files["lua/opengatellm/operations"] = { max_line_length = 160 } -- and so is an operation
files["lua/opengatellm/transport/resty*.lua"] = { read_globals = { "ngx" } }
files["tests/bench/nginx_bare.lua"] = { std = "ngx_lua" }
files["examples/openresty"] = { std = "ngx_lua" }
files["rockspec"] = { std = "+rockspec" }
files["tests/hosts"] = { std = "ngx_lua+busted", globals = { "vim" } }
files["examples/nvim"] = { globals = { "vim" } }
files["tests/server"] = { std = "lua54" }
files["lua/opengatellm/types.lua"] = { max_line_length = false } -- made by docs/generate.lua
