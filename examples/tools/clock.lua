-- What time it is. ogl.tools.load runs this file; the program that loads it chooses what the file knows, here `os`.
return {
  name = "get_time", description = "The date and the time, in UTC.",
  run = function() return os.date "!%Y-%m-%d %H:%M:%S" end,
}
