/// Values under small numbers that are used again after a removal.
///
/// A number is only ever used while its value is there; anything else is a defect of this module.
struct Slots<Element: Sendable>: Sendable {
  private var elements: [Element?] = []
  private var vacant: [Int] = []

  /// How many values there are.
  var count: Int { elements.count - vacant.count }

  /// The numbers in use, in ascending order.
  var indices: [Int] { elements.indices.filter { elements[$0] != nil } }

  mutating func insert(_ element: Element) -> Int {
    if let index = vacant.popLast() {
      elements[index] = element
      return index
    }
    elements.append(element)
    return elements.count - 1
  }

  mutating func remove(_ index: Int) {
    precondition(elements[index] != nil, "slot \(index) is vacant")
    elements[index] = nil
    vacant.append(index)
  }

  func holds(_ index: Int) -> Bool { index < elements.count && elements[index] != nil }

  subscript(index: Int) -> Element {
    _read {
      precondition(elements[index] != nil, "slot \(index) is vacant")
      yield elements[index]!
    }
    _modify {
      precondition(elements[index] != nil, "slot \(index) is vacant")
      yield &elements[index]!
    }
  }
}
