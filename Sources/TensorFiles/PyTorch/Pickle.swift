import Foundation

/// Reads Python's pickle format, protocols 2 to 5, as far as a dictionary of tensors needs it. Python's
/// pickletools.py describes the operations.
///
/// A pickle is a program that may call any function of Python. This reader has no functions: it knows
/// the operations that build numbers, texts, tuples, lists and dictionaries, and the names of
/// `PickleGlobal`, which it turns into descriptions of tensors, or into nothing where they name what
/// training scripts keep beside tensors. Everything else ends the reading with an error that names it. Work and memory are bounded by the limits, whatever the bytes say.
struct Pickle {
  static let largest = 64 << 20
  static let mostOperations = 8_000_000
  static let mostObjects = 2_000_000
  static let mostTaken = 16_000_000

  private(set) var objects: [PickleObject] = []
  /// The next byte.
  private(set) var position: Int
  private let bytes: [UInt8]
  private var stack: [PickleValue] = []
  /// Heights of the stack.
  private var marks: [Int] = []
  private var memo: [UInt32: PickleValue] = [:]
  private var operations = 0
  /// Elements of lists and tuples that were taken over into something else.
  private var taken = 0

  /// - Parameter position: of the first pickle in `bytes`, of which several may follow each other.
  init(_ bytes: [UInt8], at position: Int = 0) {
    (self.bytes, self.position) = (bytes, position)
  }

  /// Reads one pickle, up to its end.
  /// - Throws: `PickleFault`.
  mutating func read() throws(PickleFault) -> PickleValue {
    (stack, marks, memo) = ([], [], [:])
    guard try byte() == PickleOperation.protocolNumber.rawValue, (2...5).contains(try byte()) else {
      throw PickleFault(text: "is a pickle of another protocol than 2 to 5")
    }
    while true {
      operations += 1
      guard operations <= Self.mostOperations else {
        throw PickleFault(
          text: "is a pickle of more than \(Self.mostOperations) operations, the limit")
      }
      let code = try byte()
      guard let operation = PickleOperation(rawValue: code) else {
        throw PickleFault(
          text:
            "has the pickle operation \(PickleOperation.name(of: code)), which no dictionary of tensors "
            + "needs", isRefusal: true)
      }
      if operation == .stop { return try pop() }
      try perform(operation)
    }
  }

  // MARK: Operations

  private mutating func perform(_ operation: PickleOperation) throws(PickleFault) {
    switch operation {
    case .protocolNumber: _ = try byte()
    case .frame: _ = try number(8)
    case .stop: preconditionFailure("ends the reading")
    case .mark: marks.append(stack.count)
    case .pop:
      // Where nothing lies on a mark, it is the mark that goes.
      if marks.last == stack.count { marks.removeLast() } else { _ = try pop() }
    case .popMark: _ = try popToMark()
    case .none: push(.none)
    case .yes: push(.truth(true))
    case .no: push(.truth(false))
    case .byte: push(.integer(Int64(try number(1))))
    case .short: push(.integer(Int64(try number(2))))
    case .integer: push(.integer(Int64(Int32(truncatingIfNeeded: try number(4)))))
    case .long: push(try long())
    case .float:
      var bits: UInt64 = 0
      for byte in try take(8) { bits = bits << 8 | UInt64(byte) }
      push(.float(Double(bitPattern: bits)))
    case .tinyText, .shortText: push(.text(try text(number(1))))
    case .text, .longText: push(.text(try text(number(4))))
    case .hugeText: push(.text(try text(number(8))))
    case .emptyTuple: try push(.tuple([]))
    case .emptyList: try push(.list([]))
    case .emptyDictionary: try push(.dictionary([]))
    case .tuple: try push(.tuple(popToMark()))
    case .tuple1: try push(.tuple(pop(1)))
    case .tuple2: try push(.tuple(pop(2)))
    case .tuple3: try push(.tuple(pop(3)))
    case .append: try extend(by: pop(1))
    case .extend: try extend(by: popToMark())
    case .setItem: try set(pop(2))
    case .setItems: try set(popToMark())
    case .put: memo[UInt32(try number(1))] = try top()
    case .longPut: memo[UInt32(truncatingIfNeeded: try number(4))] = try top()
    case .memoize: memo[UInt32(truncatingIfNeeded: memo.count)] = try top()
    case .get: try recall(UInt32(number(1)))
    case .longGet: try recall(UInt32(truncatingIfNeeded: number(4)))
    case .global:
      let module = try line()
      try pushGlobal(module, line())
    case .stackGlobal:
      let parts = try pop(2)
      guard case .text(let module) = parts[0], case .text(let name) = parts[1] else {
        throw damaged("a STACK_GLOBAL without names")
      }
      try pushGlobal(module, name)
    case .bytes, .shortBytes:
      _ = try take(number(operation == .bytes ? 4 : 1))
      push(.inert)
    case .emptySet: push(.inert)
    case .addItems:
      _ = try popToMark()
      guard try top() == .inert else { throw damaged("an ADDITEMS to something else than a set") }
    case .newObject:
      guard try pop(2)[0] == .global(.inert) else {
        throw PickleFault(
          text: "has the pickle operation NEWOBJ, which no dictionary of tensors needs",
          isRefusal: true)
      }
      push(.inert)
    case .persistent: try pushStorage()
    case .reduce: try call()
    case .build:
      // What PyTorch hangs on a state dict, `_metadata`, is not about its tensors.
      _ = try pop()
      switch try top() {
      case .inert: break
      case .object(let number):
        if case .dictionary = objects[number] { break }
        fallthrough
      default:
        throw PickleFault(
          text: "has the pickle operation BUILD on something else than a dictionary, which no "
            + "dictionary of tensors needs", isRefusal: true)
      }
    }
  }

  private mutating func extend(by values: [PickleValue]) throws(PickleFault) {
    if try top() == .inert { return }
    guard case .object(let number) = try top(), case .list(var list) = objects[number] else {
      throw damaged("an APPEND to something else than a list")
    }
    // Or the list would be copied for every element.
    objects[number] = .list([])
    list += values
    objects[number] = .list(list)
  }

  private mutating func set(_ values: [PickleValue]) throws(PickleFault) {
    if try top() == .inert { return }
    guard values.count.isMultiple(of: 2), case .object(let number) = try top(),
      case .dictionary(var entries) = objects[number]
    else { throw damaged("a SETITEM to something else than a dictionary") }
    objects[number] = .dictionary([])
    for index in stride(from: 0, to: values.count, by: 2) {
      entries.append(PickleEntry(key: values[index], value: values[index + 1]))
    }
    objects[number] = .dictionary(entries)
  }

  private mutating func pushGlobal(_ module: String, _ name: String) throws(PickleFault) {
    guard let global = PickleGlobal.known["\(module).\(name)"] else {
      throw PickleFault(
        text: "asks for GLOBAL \(printable("\(module).\(name)", atMost: 100)), which no dictionary "
          + "of tensors needs", isRefusal: true)
    }
    push(.global(global))
  }

  /// `("storage", torch.FloatStorage, key, device, count)`, in older files with a view at the end.
  private mutating func pushStorage() throws(PickleFault) {
    let fault = damaged("a persistent identifier that is no storage's")
    guard case .object(let tuple) = try pop(), case .tuple(let parts) = objects[tuple],
      (5...6).contains(parts.count), parts[0] == .text("storage"),
      case .global(.storage(let elementType)) = parts[1], case .text(let key) = parts[2],
      case .integer(let wide) = parts[4], let count = Int(exactly: wide), count >= 0
    else { throw fault }
    var view = 0..<count
    if parts.count == 6, parts[5] != .none {
      // (key, offset, count)
      guard case .object(let number) = parts[5], case .tuple(let parts) = objects[number],
        parts.count == 3, case .integer(let start) = parts[1], case .integer(let length) = parts[2],
        start >= 0, length >= 0, start <= count, length <= Int64(count) - start
      else { throw fault }
      view = Int(start)..<Int(start + length)
    }
    try push(
      .storage(PickleStorage(key: key, elementType: elementType, count: count, view: view)))
  }

  private mutating func call() throws(PickleFault) {
    let parts = try pop(2)
    guard case .object(let tuple) = parts[1], case .tuple(let arguments) = objects[tuple] else {
      throw damaged("a REDUCE without arguments")
    }
    switch parts[0] {
    case .global(.orderedDictionary): try push(.dictionary(pairs(arguments)))
    case .global(.tensor): try push(.tensor(tensor(arguments)))
    case .global(.parameter):
      // The tensor, whether it is trained, and hooks.
      guard let first = arguments.first, case .object(let number) = first,
        case .tensor = objects[number]
      else { throw damaged("a parameter without a tensor") }
      push(first)
    // What makes its missing values is not made.
    case .global(.defaultDictionary): try push(.dictionary([]))
    case .global(.inert): push(.inert)
    default: throw damaged("a REDUCE of something that cannot be called")
    }
  }

  /// Of an `OrderedDict` that is made with its contents: `([[key, value], …],)`.
  private mutating func pairs(_ arguments: [PickleValue]) throws(PickleFault) -> [PickleEntry] {
    guard let first = arguments.first else { return [] }
    guard let pairs = try elements(of: first) else {
      throw damaged("an OrderedDict of something else than pairs")
    }
    var entries: [PickleEntry] = []
    for pair in pairs {
      guard let pair = try elements(of: pair), pair.count == 2 else {
        throw damaged("an OrderedDict of something else than pairs")
      }
      entries.append(PickleEntry(key: pair[0], value: pair[1]))
    }
    return entries
  }

  /// `(storage, offset, shape, strides, …)`
  private mutating func tensor(_ arguments: [PickleValue]) throws(PickleFault) -> PickleTensor {
    guard arguments.count >= 4, case .object(let number) = arguments[0],
      case .storage(let storage) = objects[number], case .integer(let offset) = arguments[1],
      let shape = try numbers(arguments[2]), let strides = try numbers(arguments[3])
    else { throw damaged("a tensor that is not made of a storage, an offset, a shape and strides") }
    return PickleTensor(
      storage: storage, offset: Int(offset), shape: shape, strides: strides)
  }

  private mutating func numbers(_ value: PickleValue) throws(PickleFault) -> [Int]? {
    guard let elements = try elements(of: value) else { return nil }
    var numbers: [Int] = []
    for element in elements {
      guard case .integer(let number) = element else { return nil }
      numbers.append(Int(number))
    }
    return numbers
  }

  /// - Throws: `PickleFault` where a few references lead to more than the limit, one time with another.
  private mutating func elements(of value: PickleValue) throws(PickleFault) -> [PickleValue]? {
    guard case .object(let number) = value else { return nil }
    switch objects[number] {
    case .tuple(let elements), .list(let elements):
      taken += elements.count
      guard taken <= Self.mostTaken else {
        throw PickleFault(
          text: "is a pickle that takes more than \(Self.mostTaken) elements over, the limit")
      }
      return elements
    default: return nil
    }
  }

  // MARK: Stack

  private mutating func push(_ value: PickleValue) { stack.append(value) }

  private mutating func push(_ object: PickleObject) throws(PickleFault) {
    guard objects.count < Self.mostObjects else {
      throw PickleFault(text: "is a pickle of more than \(Self.mostObjects) objects, the limit")
    }
    stack.append(.object(objects.count))
    objects.append(object)
  }

  /// What lies above the last mark, or all.
  private var height: Int { stack.count - (marks.last ?? 0) }

  private func top() throws(PickleFault) -> PickleValue {
    guard height > 0, let value = stack.last else { throw damaged("an empty stack") }
    return value
  }

  private mutating func pop() throws(PickleFault) -> PickleValue {
    let value = try top()
    stack.removeLast()
    return value
  }

  private mutating func pop(_ count: Int) throws(PickleFault) -> [PickleValue] {
    guard height >= count else { throw damaged("an empty stack") }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private mutating func popToMark() throws(PickleFault) -> [PickleValue] {
    guard let mark = marks.popLast(), mark <= stack.count else { throw damaged("no mark") }
    defer { stack.removeLast(stack.count - mark) }
    return Array(stack[mark...])
  }

  private mutating func recall(_ number: UInt32) throws(PickleFault) {
    guard let value = memo[number] else { throw damaged("no memo \(number)") }
    push(value)
  }

  // MARK: Bytes

  private func damaged(_ what: String) -> PickleFault {
    PickleFault(text: "is damaged: its pickle has \(what) at byte \(position)")
  }

  private mutating func byte() throws(PickleFault) -> UInt8 {
    guard position < bytes.count else {
      throw PickleFault(text: "is incomplete: its pickle ends at byte \(position)")
    }
    defer { position += 1 }
    return bytes[position]
  }

  private mutating func take(_ count: Int) throws(PickleFault) -> ArraySlice<UInt8> {
    guard count >= 0, count <= bytes.count - position else {
      throw PickleFault(
        text:
          "is incomplete: its pickle claims \(count) bytes at byte \(position) of \(bytes.count)")
    }
    defer { position += count }
    return bytes[position..<position + count]
  }

  /// Little-endian; more than an `Int` can hold is the largest.
  private mutating func number(_ count: Int) throws(PickleFault) -> Int {
    var number: UInt64 = 0
    for byte in try take(count).reversed() { number = number << 8 | UInt64(byte) }
    return Int(clamping: number)
  }

  private mutating func long() throws(PickleFault) -> PickleValue {
    let digits = try take(number(1))
    guard digits.count <= 8 else { return .largeInteger }
    var bits: UInt64 = (digits.last ?? 0) & 0x80 == 0 ? 0 : .max
    for byte in digits.reversed() { bits = bits << 8 | UInt64(byte) }
    return .integer(Int64(bitPattern: bits))
  }

  private mutating func text(_ count: Int) throws(PickleFault) -> String {
    guard let text = String(validating: try take(count), as: UTF8.self) else {
      throw damaged("text that is not UTF-8")
    }
    return text
  }

  /// Up to the end of the line; names are short.
  private mutating func line() throws(PickleFault) -> String {
    let longest = 1000
    guard let end = bytes[position...].prefix(longest).firstIndex(of: 0x0a) else {
      throw damaged("a name without an end")
    }
    let text = try text(end - position)
    position += 1
    return text
  }
}
