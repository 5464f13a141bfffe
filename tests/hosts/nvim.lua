--- What a headless Neovim runs for the specs: the spec file $OGL_SPEC (of it only names that hold $OGL_ONLY), by hosts.runner. Each
--- result is a line of JSON in the file $OGL_REPORT.
--
-- @module hosts.nvim

-- Neovim exports a function `socket_connect`, which luasocket's own calls would reach, and crash. Loaded so, its symbols are its own.
local function load_luasocket()
  local ffi, path = require "ffi", package.searchpath("socket.core", package.cpath)
  if ffi.os ~= "Linux" or not path then return end
  ffi.cdef "void *dlopen(const char *path, int flags);"
  local NOW, DEEPBIND = 2, 8
  ffi.C.dlopen(path, NOW + DEEPBIND)
end

load_luasocket()

local cjson = require "cjson"
local runner = require "hosts.runner"

local report = assert(io.open(os.getenv "OGL_REPORT", "w"))
local ran, rows = xpcall(runner.run, debug.traceback, os.getenv "OGL_SPEC", os.getenv "OGL_ONLY")
if not ran then rows = { { name = "the file", status = "failed", message = rows } } end
for _, row in ipairs(rows) do report:write(cjson.encode(row), "\n") end
report:close()
vim.cmd "qa!"
