package org.kerbykv.server.e2e;

import java.util.Optional;
import net.jqwik.api.lifecycle.LifecycleContext;
import net.jqwik.api.lifecycle.SkipExecutionHook;
import org.kerbykv.bpf.BPFSupport;

/** What {@link org.kerbykv.bpf.RequiresBPF} is for Jupiter, for jqwik's properties. */
final class BPFRequired implements SkipExecutionHook {
  private static final Optional<String> REASON = BPFSupport.unavailableReason();
  private static final boolean REQUIRED = "1".equals(System.getenv("KERBY_REQUIRE_BPF"));

  @Override
  public SkipResult shouldBeSkipped(LifecycleContext context) {
    return REASON.isPresent() && !REQUIRED ? SkipResult.skip(REASON.get()) : SkipResult.doNotSkip();
  }
}
