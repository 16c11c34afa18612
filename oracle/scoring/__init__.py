"""Model bundles and the scores they give: integer tables, ONNX Runtime for speed, reasons."""
