local shell = require "opengatellm.cli.shell"

it("a word for the shell stays one", function()
  assert.equal("it's $HOME", shell.output_of("printf %s " .. shell.quoted "it's $HOME"))
end)

it("what a program says comes from both of its outputs", function()
  assert.equal("one\ntwo\n", shell.output_of "{ echo one; echo two >&2; }")
  assert.matches("not found", shell.output_of "/nowhere/program")
end)
