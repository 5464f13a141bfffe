--- Encodings: bodies of requests that callers send compressed, by gzip or zstd, become what they were.
--
-- A short body may become a very long one, so that reading stops at the limit. The work is libz's and libzstd's, which LuaJIT (nginx's Lua)
-- reaches by its FFI; without them such a body is refused, and the caller sends it as it is.
--
-- @module opengatellm.gateway.encoding
local problems = require "opengatellm.gateway.problem"

local M = {}

local PIECE = 65536 -- bytes that come out at a time

local DECLARED = [[
typedef struct {
  const char *next_in; unsigned avail_in; unsigned long total_in;
  char *next_out; unsigned avail_out; unsigned long total_out;
  const char *msg; void *state; void *zalloc; void *zfree; void *opaque;
  int data_type; unsigned long adler; unsigned long reserved;
} ogl_z_stream;
const char *ogl_z_version(void) __asm__("zlibVersion");
int ogl_z_begin(ogl_z_stream *, int bits, const char *version, int size) __asm__("inflateInit2_");
int ogl_z_step(ogl_z_stream *, int flush) __asm__("inflate");
int ogl_z_again(ogl_z_stream *) __asm__("inflateReset");
int ogl_z_end(ogl_z_stream *) __asm__("inflateEnd");

typedef struct { char *at; size_t size, used; } ogl_zstd_bytes;
void *ogl_zstd_begin(void) __asm__("ZSTD_createDCtx");
size_t ogl_zstd_set(void *, int parameter, int value) __asm__("ZSTD_DCtx_setParameter");
size_t ogl_zstd_step(void *, ogl_zstd_bytes *out, ogl_zstd_bytes *in) __asm__("ZSTD_decompressStream");
unsigned ogl_zstd_failed(size_t) __asm__("ZSTD_isError");
size_t ogl_zstd_end(void *) __asm__("ZSTD_freeDCtx");
]]

local ffi -- LuaJIT's, once it is needed; false: there is none

local function has_ffi()
  if ffi == nil then
    local found, module = pcall(require, "ffi")
    ffi = found and pcall(module.cdef, DECLARED) and module or false
  end
  return ffi ~= false
end

-- A library, by the name that its package for programs has, then by that of its package for developers.
local function library(...)
  for _, name in ipairs { ... } do
    local found, lib = pcall(ffi.load, name)
    if found then return lib end
  end
  return false
end

-- gzip (RFC 1952), which may be several in a row ------------------------------------------------------------------------------

local GZIP_ALONE, Z_OK, Z_STREAM_END = 31, 0, 1 -- a window of 15 bits, and 16: with gzip's head alone

local function step_gzip(self, out)
  local z, lib = self.z, self.lib
  z.next_out, z.avail_out = out, PIECE
  local code = lib.ogl_z_step(z, 0)
  local over = code == Z_STREAM_END and z.avail_in == 0
  if code == Z_STREAM_END and not over then code = lib.ogl_z_again(z) end
  if code ~= Z_OK and not over then return nil end
  return PIECE - z.avail_out, over
end

local function open_gzip(lib, bytes)
  local z = ffi.new "ogl_z_stream"
  if lib.ogl_z_begin(z, GZIP_ALONE, lib.ogl_z_version(), ffi.sizeof(z)) ~= Z_OK then return nil end
  z.next_in, z.avail_in = bytes, #bytes
  return { lib = lib, z = ffi.gc(z, lib.ogl_z_end), free = lib.ogl_z_end, bytes = bytes, step = step_gzip }
end

-- zstd (RFC 8878), which may be several frames in a row -------------------------------------------------------------------------

local WINDOW, WINDOW_BITS = 100, 23 -- 8 MiB: more than that no sender may ask of a receiver (RFC 9659)

local function step_zstd(self, out)
  local given, taken, lib = self.given, self.taken, self.lib
  taken.at, taken.size, taken.used = out, PIECE, 0
  local left = lib.ogl_zstd_step(self.z, taken, given)
  local all_read = given.used == given.size
  if lib.ogl_zstd_failed(left) ~= 0 or left ~= 0 and all_read and taken.used < PIECE then return nil end
  return tonumber(taken.used), left == 0 and all_read
end

local function open_zstd(lib, bytes)
  local z = lib.ogl_zstd_begin()
  if z == nil then return nil end
  lib.ogl_zstd_set(z, WINDOW, WINDOW_BITS)
  local given = ffi.new("ogl_zstd_bytes", { at = ffi.cast("char *", bytes), size = #bytes, used = 0 })
  return {
    lib = lib, z = ffi.gc(z, lib.ogl_zstd_end), free = lib.ogl_zstd_end, bytes = bytes, given = given, taken = ffi.new "ogl_zstd_bytes",
    step = step_zstd,
  }
end

-- What is here ------------------------------------------------------------------------------------------------------------------

local KINDS = {
  gzip = { open = open_gzip, load = function() return library("libz.so.1", "z") end },
  zstd = { open = open_zstd, load = function() return library("libzstd.so.1", "zstd") end },
}
KINDS["x-gzip"] = KINDS.gzip -- its old name (RFC 9110)

-- An encoding with its library; nil where either is not known here.
local function found(name)
  local kind = KINDS[name]
  if not kind or not has_ffi() then return nil end
  if kind.lib == nil then kind.lib = kind.load() end
  return kind.lib and kind or nil
end

--- The encodings that can be read here, as a caller is told of them in `accept-encoding`.
---@return string
function M.known()
  local list = {}
  for _, name in ipairs { "gzip", "zstd" } do
    if found(name) then list[#list + 1] = name end
  end
  list[#list + 1] = "identity"
  return table.concat(list, ", ")
end

-- Reads to the end; nil, and why, where that is more than the limit or no end.
local function read(reader, name, limit)
  local out, pieces, size, over = ffi.new("char[?]", PIECE), {}, 0, false
  while not over do
    local n
    n, over = reader:step(out)
    if not n then return nil, 400, "the body is not " .. name end
    size = size + n
    if size > limit then return nil, 413, problems.too_long(limit) end
    pieces[#pieces + 1] = ffi.string(out, n)
  end
  return table.concat(pieces)
end

-- Gives the library's memory back, which the collector does not count, and so would keep for long.
local function close(reader) reader.free(ffi.gc(reader.z, nil)) end

--- Reads an encoded body.
---@param bytes string
---@param encoding string of the header content-encoding
---@param limit integer bytes of the body that comes out
---@return string? body
---@return integer? status 400, 413 or 415
---@return string? message
function M.decode(bytes, encoding, limit)
  local name = encoding:lower():match "^%s*(.-)%s*$"
  if name == "identity" or name == "" then return bytes end
  local kind = found(name)
  if not kind then return nil, 415, ("content-encoding: expected %s, got %s"):format(M.known(), encoding:sub(1, 40)) end
  local reader = kind.open(kind.lib, bytes) -- it holds the bytes, to which its library has a mere pointer
  if not reader then return nil, 503, "there is no memory to read the body" end
  local body, status, message = read(reader, name, limit)
  close(reader)
  return body, status, message
end

return M
