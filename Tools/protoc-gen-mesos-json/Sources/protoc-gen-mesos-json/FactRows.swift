import SwiftProtobufPluginLibrary

/// Describes a file in the form of `Protos/facts/v1-api.tsv`, under Apache Mesos' names.
struct FactRows {
  let names: Names

  func rows(of file: FileDescriptor) -> [String] {
    file.enums.flatMap(rows(of:)) + file.messages.flatMap(rows(of:))
  }

  private func rows(of enumeration: EnumDescriptor) -> [String] {
    let name = names.original(of: enumeration.fullName)
    return [row("enum", name)]
      + enumeration.values.map { value in
        row("value", name, "\(value.number)", value.name, value.options.deprecated ? "deprecated" : "")
      }
  }

  private func rows(of message: Descriptor) -> [String] {
    if message.options.mapEntry { return [] }
    let name = names.original(of: message.fullName)
    return [row("message", name)]
      + message.fields.map { field in
        row(
          "field", name, "\(field.number)", label(of: field), type(of: field), field.name,
          options(of: field).joined(separator: " "))
      }
      + message.messages.flatMap(rows(of:)) + message.enums.flatMap(rows(of:))
  }

  /// The columns, without an empty last one.
  private func row(_ columns: String...) -> String {
    (columns.last == "" ? columns.dropLast() : columns[...]).joined(separator: "\t")
  }

  private func label(of field: FieldDescriptor) -> String {
    if field.isRequired { return "required" }
    return field.isRepeated ? "repeated" : "optional"
  }

  private func type(of field: FieldDescriptor) -> String {
    if field.isMap, let entry = field.messageType.mapKeyAndValue {
      let value = type(of: entry.value).split(separator: " ").last ?? ""
      return "map<\(type(of: entry.key)),\(value)>"
    }
    switch field.type {
    case .message: return "message \(names.original(of: field.messageType.fullName))"
    case .enum: return "enum \(names.original(of: field.enumType.fullName))"
    case .double: return "double"
    case .float: return "float"
    case .int64: return "int64"
    case .uint64: return "uint64"
    case .int32: return "int32"
    case .uint32: return "uint32"
    case .fixed64: return "fixed64"
    case .fixed32: return "fixed32"
    case .sfixed64: return "sfixed64"
    case .sfixed32: return "sfixed32"
    case .sint64: return "sint64"
    case .sint32: return "sint32"
    case .bool: return "bool"
    case .string: return "string"
    case .bytes: return "bytes"
    case .group: return "group"
    }
  }

  private func options(of field: FieldDescriptor) -> [String] {
    var options: [String] = []
    if let value = field.defaultValue { options.append("default=\(value)") }
    if field.options.packed { options.append("packed") }
    if field.options.deprecated { options.append("deprecated") }
    if let oneof = field.realContainingOneof { options.append("oneof=\(oneof.name)") }
    return options
  }
}
