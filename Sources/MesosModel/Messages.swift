// Who imports the model has the messages and their codecs with it. They are a module of their own only so that work on the model does
// not compile the generated code again.
@_exported public import MesosMessages
