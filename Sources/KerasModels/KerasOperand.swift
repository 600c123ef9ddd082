import Foundation
import Networks

/// What a layer or operation of a Keras model is called with.
enum KerasOperand<Source> {
  /// The result of a layer.
  case layer(Source)
  /// A number, or one for each channel.
  case numbers([Double])

  var source: Source? { if case .layer(let source) = self { source } else { nil } }
}

/// Result `result` of call `call` of a layer.
struct KerasReference {
  let name: String
  let call: Int
  let result: Int
  /// Whether it is written as Keras 2 does, where the calls of a model count from 1: it has called
  /// itself when it was made.
  var isOfKeras2 = false

  init(name: String, call: Int, result: Int, isOfKeras2: Bool = false) {
    (self.name, self.call, self.result, self.isOfKeras2) = (name, call, result, isOfKeras2)
  }

  /// `["a", 0, 0]`
  init(
    _ history: [Any], _ owner: KerasObject, isOfKeras2: Bool = false
  ) throws(NetworkError) {
    guard (3...4).contains(history.count), let name = history[0] as? String,
      let call = history[1] as? Int, let result = history[2] as? Int, call >= 0, result >= 0
    else { throw owner.error("reads something that is not [layer, node, tensor]") }
    self.init(name: name, call: call, result: result, isOfKeras2: isOfKeras2)
  }
}

/// One call of a layer or operation: its operands, and what else it is called with.
struct KerasCall {
  private(set) var operands: [KerasOperand<KerasReference>] = []
  private(set) var further: [Any] = []

  var references: [KerasReference] { operands.compactMap(\.source) }

  /// With nothing.
  init() {}

  /// With the only result of a layer.
  init(reading name: String) {
    operands = [.layer(KerasReference(name: name, call: 0, result: 0))]
  }

  /// Keras 2: `[["a", 0, 0, {}], ["b", 0, 0, {}]]`, of an operation `["a", 0, 0, {"y": 2.0}]` or
  /// `["_CONSTANT_VALUE", -1, 1.0, {"y": ["a", 0, 0]}]`. Keras 3: `{"args": [[tensor, tensor]]}` or
  /// `{"args": [tensor, 2.0]}`, a tensor `{"config": {"keras_history": ["a", 0, 0]}}`.
  init(_ call: Any, of record: KerasObject) throws(NetworkError) {
    if let call = call as? [String: Any] {
      try readKeras3(call, record)
      return
    }
    guard let call = call as? [Any], !call.isEmpty else {
      throw record.error("inbound_nodes is neither Keras 2's nor Keras 3's")
    }
    // An operation's first operand stands there by itself.
    let histories = call[0] is String ? [call] : call.compactMap { $0 as? [Any] }
    guard histories.count == (call[0] is String ? 1 : call.count) else {
      throw record.error("inbound_nodes is neither Keras 2's nor Keras 3's")
    }
    for history in histories {
      if history.first as? String == "_CONSTANT_VALUE", history.count >= 3 {
        guard let numbers = KerasModel.numbers(history[2]) else {
          throw record.error("is called with a constant that is no number")
        }
        operands.append(.numbers(numbers))
      } else {
        operands.append(.layer(try KerasReference(history, record, isOfKeras2: true)))
      }
      guard history.count > 3, let arguments = history[3] as? [String: Any] else { continue }
      for (name, value) in arguments.sorted(by: { $0.key < $1.key }) {
        if let history = value as? [Any], history.first is String, name == "y" || name == "x" {
          operands.append(.layer(try KerasReference(history, record, isOfKeras2: true)))
        } else if ["y", "x", "bias"].contains(name), let numbers = KerasModel.numbers(value) {
          operands.append(.numbers(numbers))
        } else {
          further.append(value)
        }
      }
    }
  }

  private mutating func readKeras3(
    _ call: [String: Any], _ record: KerasObject
  ) throws(NetworkError) {
    let arguments = call["args"] as? [Any] ?? []
    let all = arguments.count == 1 ? arguments[0] as? [Any] ?? arguments : arguments
    for argument in all {
      if let config = (argument as? [String: Any])?["config"] as? [String: Any],
        let history = config["keras_history"] as? [Any]
      {
        operands.append(.layer(try KerasReference(history, record)))
      } else if let numbers = KerasModel.numbers(argument) {
        operands.append(.numbers(numbers))
      } else {
        further.append(argument)
      }
    }
  }
}

extension KerasModel {
  /// A number, a list of numbers (perhaps within lists of one), or an array that Keras wrote.
  static func numbers(_ value: Any) -> [Double]? {
    if let object = value as? [String: Any] {
      return ((object["config"] as? [String: Any])?["value"] ?? object["value"]).flatMap(numbers)
    }
    var value = value
    for _ in 0..<4 {
      guard let list = value as? [Any], list.count == 1 else { break }
      value = list[0]
    }
    if let number = value as? Double { return [number] }
    guard let list = value as? [Any], !list.isEmpty, list.count <= Limits.extent else { return nil }
    let numbers = list.compactMap { $0 as? Double }
    return numbers.count == list.count ? numbers : nil
  }

  /// Whether what an operation is called with names all of an array with its last axis reversed:
  /// `[..., ::-1]`.
  static func reversesLastAxis(_ further: [Any]) -> Bool {
    func steps(_ value: Any) -> [Int?] {
      if let list = value as? [Any] { return list.flatMap(steps) }
      guard let object = value as? [String: Any] else { return [] }
      guard object.keys.contains("step") else { return object["config"].map(steps) ?? [] }
      let isWhole = ["start", "stop"].allSatisfy { object[$0] == nil || object[$0] is NSNull }
      return [isWhole ? (object["step"] as? Int) ?? 1 : nil]
    }
    let found = further.flatMap(steps)
    return found.last == -1 && found.dropLast().allSatisfy { $0 == 1 }
  }
}
