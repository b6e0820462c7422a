import Foundation
import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// Writes the JSON codec of each `.proto` file, or with `Rows=FILE` the rows of a facts table that describe the files.
///
/// Parameters: `Renames=FILE` (Apache Mesos' name, tab, ours), `EmptyLists=FILE` (Apache Mesos' message name, tab, field),
/// `Rows=FILE`.
@main
struct Plugin: CodeGenerator {
  var supportedFeatures: [Google_Protobuf_Compiler_CodeGeneratorResponse.Feature] = [.proto3Optional]
  var version: String? { "1" }

  func generate(
    files: [FileDescriptor],
    parameter: any CodeGeneratorParameter,
    protoCompilerContext: any ProtoCompilerContext,
    generatorOutputs: any GeneratorOutputs
  ) throws {
    var names = Names(rows: [])
    var emptyLists: Set<String> = []
    var rowsFile: String?
    for (key, value) in parameter.parsedPairs {
      switch key {
      case "Renames": names = Names(rows: try readRows(value))
      case "EmptyLists": emptyLists = Set(try readRows(value).map { "\($0[0]).\($0[1])" })
      case "Rows": rowsFile = value
      default: throw ParameterError(description: "unknown parameter \(key)")
      }
    }
    if let rowsFile {
      let rows = files.flatMap { FactRows(names: names).rows(of: $0) }
      try generatorOutputs.add(fileName: rowsFile, contents: rows.map { $0 + "\n" }.joined())
      return
    }
    var used: Set<String> = []
    for file in files {
      var generator = FileGenerator(file: file, names: names, emptyLists: emptyLists)
      generator.generate()
      used.formUnion(generator.emptyListsUsed)
      let base = file.name.split(separator: "/").last.map { String($0.prefix { $0 != "." }) } ?? file.name
      try generatorOutputs.add(fileName: "\(base).json.swift", contents: generator.output)
    }
    if let unused = emptyLists.subtracting(used).sorted().first {
      throw ParameterError(description: "no list \(unused)")
    }
  }

  private func readRows(_ path: String) throws -> [[String]] {
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let rows = text.split(separator: "\n").map { $0.split(separator: "\t").map(String.init) }
    guard rows.allSatisfy({ $0.count == 2 }) else {
      throw ParameterError(description: "\(path): a row lacks two columns")
    }
    return rows
  }
}

struct ParameterError: Error, CustomStringConvertible {
  let description: String
}

/// Translates names of this project into those of Apache Mesos.
struct Names {
  private let original: [String: String]

  init(rows: [[String]]) {
    original = Dictionary(rows.map { ($0[1], $0[0]) }, uniquingKeysWith: { first, _ in first })
  }

  /// Apache Mesos' name of a message or enumeration, given with its package.
  func original(of name: String) -> String {
    let parts = name.split(separator: ".")
    for count in stride(from: parts.count, to: 0, by: -1) {
      if let renamed = original[parts.prefix(count).joined(separator: ".")] {
        return ([renamed] + parts.dropFirst(count).map(String.init)).joined(separator: ".")
      }
    }
    return name
  }
}
