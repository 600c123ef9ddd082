import Networks

extension KerasModel {
  /// Models within each other as layers one after the other.
  struct Expansion {
    var layers: [Layer] = []
    var aliases: [String: String] = [:]
    /// Of all layers, those that are models among them.
    private var made = 0
    /// Calls so far, by path.
    private var calls: [String: Int] = [:]

    /// Appends a model's layers once.
    ///
    /// - Parameters:
    ///   - path: before the names of its layers.
    ///   - inputs: names of layers, of which its arguments are the results.
    /// - Returns: names of the layers whose results are the model's.
    mutating func expand(
      _ model: Part, path: String, inputs: [String]
    ) throws(NetworkError) -> [String] {
      guard inputs.count == model.inputs.count else {
        throw KerasObject(owner: model.owner, members: [:]).error(
          "is called with \(inputs.count) results, but has \(model.inputs.count) inputs")
      }
      var positions: [String: Int] = [:]
      for (position, layer) in model.layers.enumerated() { positions[layer.name] = position }
      let arguments = Dictionary(uniqueKeysWithValues: zip(model.inputs, inputs))
      var results: [Part.Call: [String]] = [:]
      func value(_ reference: KerasReference, _ owner: KerasObject) throws(NetworkError) -> String {
        if let argument = arguments[reference.name] { return argument }
        let found = results[try model.target(of: reference, positions, owner)] ?? []
        guard reference.result < found.count else {
          throw owner.error(
            "reads result \(reference.result) of \(reference.name.prefix(200)), which has "
              + "\(found.count)")
        }
        return found[reference.result]
      }
      for call in try model.order(positions) {
        let layer = model.layers[call.layer]
        let written = layer.calls[call.call]
        var operands: [KerasOperand<String>] = []
        for operand in written.operands {
          switch operand {
          case .layer(let reference):
            operands.append(.layer(try value(reference, layer.config)))
          case .numbers(let numbers): operands.append(.numbers(numbers))
          }
        }
        made += 1
        guard made <= Limits.nodes else {
          throw layer.config.error("the model has more than \(Limits.nodes) layers")
        }
        let (path, name) = next(path + layer.name)
        if let part = layer.model {
          guard operands.count == written.references.count else {
            throw layer.config.error("is a model that is called with a constant")
          }
          let found = try expand(
            part, path: path + "/", inputs: operands.compactMap(\.source))
          results[call] = found
          aliases[name] = found[0]
        } else {
          layers.append(
            Layer(
              name: name, path: path, className: layer.className, config: layer.config,
              operands: operands, further: written.further))
          results[call] = [name]
        }
      }
      var outputs: [String] = []
      for output in model.outputs { outputs.append(try value(output, model.config)) }
      return outputs
    }

    private mutating func next(_ path: String) -> (path: String, name: String) {
      let number = calls[path, default: 0] + 1
      calls[path] = number
      return (path, number == 1 ? path : "\(path):\(number)")
    }
  }
}
