import Checkpoints
import Explanations
import Foolings
import Foundation
import Networks

extension RecipeForm {
  /// `[32, M, 64, M]`.
  package static var plan: RecipeForm<[VGGStep]> {
    let channels = RecipeForm<Int>.integer(1...(1 << 20))
    let step = RecipeForm<VGGStep>(
      type: "integer or M", range: "", expected: "",
      read: { $0.text == "M" ? .pool : channels.read($0).map { .convolution(channels: $0) } },
      write: { step in
        switch step {
        case .convolution(let count): channels.write(count)
        case .pool: .plain("M")
        }
      })
    return list(of: step, named: "integers and M", count: 1...1000)
  }

  /// `fooled`, `own`, or a number of cells.
  package static var grid: RecipeForm<EvaluationGrid> {
    let sides = RecipeForm<Int>.integer(2...1024)
    return RecipeForm<EvaluationGrid>(
      type: "fooled, own or integer", range: sides.range,
      expected: "fooled, own, or a whole number of cells from 2 to 1024",
      read: { node in
        switch node.text {
        case "fooled": .fooled
        case "own": .own
        default: sides.read(node).map { .side($0) }
        }
      },
      write: { grid in
        switch grid {
        case .fooled: .plain("fooled")
        case .own: .plain("own")
        case .side(let side): sides.write(side)
        }
      })
  }

  /// An architecture layer by layer, in the form of its JSON.
  package static var graph: RecipeForm<Architecture> {
    structure("mapping", "an architecture", else: "is not an architecture")
  }

  /// Which layer gets which rule, in the form of its JSON.
  package static var composite: RecipeForm<RelevanceComposite> {
    structure(
      "list of mappings", "a list of layers and rules", else: "is not a table of layers and rules")
  }

  /// Explanations, each as `name@layer` or as a mapping.
  package static var interpreters: RecipeForm<[InterpreterSpecification]> {
    structure(
      "list of names or mappings", "a list of explanations, e.g. [grad-cam@layer4, simple-grad]",
      else: "is not a list of explanations, e.g. [grad-cam@layer4, simple-grad]")
  }

  private static func structure<Content: Codable & Sendable>(
    _ type: String, _ expected: String, else failure: String
  ) -> RecipeForm<Content> {
    RecipeForm<Content>(
      type: type, range: "", expected: expected, read: { try? Content(recipe: $0) },
      write: { RecipeNode(json: $0.jsonValue) },
      wrongEntry: { node in
        do {
          _ = try Content(recipe: node)
          return nil
        } catch { return (error as? NetworkError)?.description ?? failure }
      })
  }
}

extension Decodable {
  /// - Throws: `NetworkError` or `DecodingError`.
  fileprivate init(recipe node: RecipeNode) throws {
    self = try JSONDecoder().decode(Self.self, from: JSONEncoder().encode(node.json))
  }
}

extension Encodable {
  fileprivate var jsonValue: JSONValue {
    do {
      return try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(self))
    } catch {
      preconditionFailure("checked values have only finite numbers: \(error)")
    }
  }
}

extension RecipeNode {
  /// As JSON, whole numbers as such, so that what is read back is equal.
  package var settings: JSONValue { json.withWholeNumbers }

  fileprivate init(json: JSONValue) {
    switch json {
    case .null: self = .plain("null")
    case .bool(let value): self = .plain("\(value)")
    case .integer(let value): self = .plain("\(value)")
    case .number(let value): self = .number(value)
    case .text(let text): self = RecipeNode(.scalar(text, isPlain: false))
    case .array(let values): self = .list(values.map { RecipeNode(json: $0) })
    case .object(let values):
      self = .mapping(
        values.sorted { $0.key < $1.key }.map { ($0.key, RecipeNode(json: $0.value)) })
    }
  }

  fileprivate var json: JSONValue {
    switch content {
    case .list(let nodes): return .array(nodes.map(\.json))
    case .mapping(let entries):
      return .object(
        Dictionary(entries.map { ($0.key, $0.value.json) }, uniquingKeysWith: { $1 }))
    case .scalar(let text, let isPlain):
      guard isPlain else { return .text(text) }
      if isNull { return .null }
      if let truth = RecipeForm<Bool>.truth.read(self) { return .bool(truth) }
      if let integer = Int64(text) { return .integer(integer) }
      if let number = RecipeForm<Double>.number(.finite).read(self) { return .number(number) }
      return .text(text)
    }
  }
}

extension JSONValue {
  fileprivate var withWholeNumbers: JSONValue {
    switch self {
    case .number(let value): Int64(exactly: value).map { .integer($0) } ?? self
    case .array(let values): .array(values.map(\.withWholeNumbers))
    case .object(let values): .object(values.mapValues(\.withWholeNumbers))
    default: self
    }
  }
}
