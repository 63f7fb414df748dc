package org.kerbykv.bpf;

import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.util.Optional;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Marks a test class that loads eBPF programs. Where that is not possible it is skipped, with the
 * reason; with KERBY_REQUIRE_BPF=1 in the environment it fails.
 */
@Inherited
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(RequiresBPF.Condition.class)
public @interface RequiresBPF {
  /** Decides it, once for the JVM. */
  final class Condition implements ExecutionCondition, BeforeAllCallback {
    private static final Optional<String> REASON = BPFSupport.unavailableReason();
    private static final boolean REQUIRED = "1".equals(System.getenv("KERBY_REQUIRE_BPF"));

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
      return decide(REASON, REQUIRED);
    }

    @Override
    public void beforeAll(ExtensionContext context) {
      REASON.ifPresent(
          reason -> {
            throw new AssertionError("KERBY_REQUIRE_BPF=1, but " + reason);
          });
    }

    static ConditionEvaluationResult decide(Optional<String> reason, boolean required) {
      return reason.isPresent() && !required
          ? ConditionEvaluationResult.disabled(reason.get())
          : ConditionEvaluationResult.enabled("eBPF is available, or required");
    }
  }
}
