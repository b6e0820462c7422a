/// Values under small numbers that are used again after a removal.
///
/// A number is only ever used while its value is there; anything else is a defect of this module.
struct Slots<Element: Sendable>: Sendable {
  private var elements: ContiguousArray<Element> = []
  private var isUsed: [Bool] = []
  private var vacant: [Int] = []
  private let blank: Element

  /// - Parameter blank: Stands in places that are not in use.
  init(blank: Element) { self.blank = blank }

  /// How many values there are.
  var count: Int { elements.count - vacant.count }

  /// The numbers in use, in ascending order.
  var indices: [Int] { elements.indices.filter { isUsed[$0] } }

  mutating func insert(_ element: Element) -> Int {
    if let index = vacant.popLast() {
      elements[index] = element
      isUsed[index] = true
      return index
    }
    elements.append(element)
    isUsed.append(true)
    return elements.count - 1
  }

  mutating func remove(_ index: Int) {
    precondition(isUsed[index], "slot \(index) is vacant")
    elements[index] = blank
    isUsed[index] = false
    vacant.append(index)
  }

  func holds(_ index: Int) -> Bool { index < elements.count && isUsed[index] }

  subscript(index: Int) -> Element {
    // Inlined, so that of an element no more than what is asked for is read.
    @inline(__always) _read {
      precondition(isUsed[index], "slot \(index) is vacant")
      yield elements[index]
    }
    @inline(__always) _modify {
      precondition(isUsed[index], "slot \(index) is vacant")
      yield &elements[index]
    }
  }
}
