import Testing

/// Stands in for `print` while the code of an article runs, and compares what was printed with the comments `// → …` of the article.
///
/// Declared as a local constant named `print`, so that the code is the same as in the article.
final class Example {
  private let block: Article.Block
  private var lines: [String] = []

  init(_ article: String, _ number: Int) throws {
    let blocks = try Article(article).blocks
    block = try #require(blocks.first { $0.number == number }, "\(article).md has no block \(number)")
  }

  func callAsFunction(_ values: Any...) {
    lines.append(values.map { "\($0)" }.joined(separator: " "))
  }

  /// Expects that the article says of each line that was printed what it is.
  func check() {
    let printed = lines.joined(separator: "\n")
    #expect(lines == block.arrows, "\(block.place) prints:\n\(printed)")
  }
}
